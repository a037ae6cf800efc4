import Glibc
import Monitor

exit(MonitorProgram.main())
