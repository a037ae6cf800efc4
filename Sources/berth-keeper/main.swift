import CSys
import Glibc

// Holds a user's namespaces open between commands. It does nothing, and ends on SIGTERM, which `berth system migrate`
// sends.

_ = csys_setsid()
_ = csys_chdir("/")
for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTSTP] { Glibc.signal(signal, SIG_IGN) }
_ = csys_close_range(0, CUnsignedInt.max, 0)
while true { pause() }
