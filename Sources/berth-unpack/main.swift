import Glibc
import Unpack

exit(LayerWorker.run(Array(CommandLine.arguments.dropFirst())))
