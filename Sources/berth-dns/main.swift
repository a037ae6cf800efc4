import Glibc
import NameService

exit(NameServiceProgram.main(Array(CommandLine.arguments.dropFirst())))
