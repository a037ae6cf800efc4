import Glibc
import Registry

_exit(Program.run(arguments: Array(CommandLine.arguments.dropFirst())))
