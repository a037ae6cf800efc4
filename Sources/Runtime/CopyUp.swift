import CSys
import Glibc
import Sys

/// Copies what a directory holds into a fresh tmpfs (`tmpcopyup`): regular files, directories and symlinks,
/// with mode and owner. Both are descriptors, so no name can lead elsewhere.
func copyUp(from source: borrowing OwnedFD, to target: borrowing OwnedFD) throws(Errno) {
  let directory = try open(at: source, ".", O_RDONLY | O_DIRECTORY)
  for entry in try entries(of: directory) {
    let found = try status(at: directory, entry.name)
    if found.isDirectory {
      try check(csys_mkdirat(target.borrowed, entry.name, found.st_mode & 0o7777))
      let from = try open(at: directory, entry.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
      let to = try open(at: target, entry.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
      try copyUp(from: from, to: to)
    } else if found.isSymlink {
      let link = try readLink(directory.borrowed, entry.name)
      try check(csys_symlinkat(link, target.borrowed, entry.name))
    } else if found.isRegular {
      let from = try open(at: directory, entry.name, O_RDONLY | O_NOFOLLOW)
      let to = try open(at: target, entry.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: found.st_mode & 0o7777)
      while try check(csys_sendfile(to.borrowed, from.borrowed, 1 << 20)) > 0 {}
    } else {
      continue  // devices, sockets and pipes stay behind, as with runc
    }
    try check(csys_fchownat(target.borrowed, entry.name, found.st_uid, found.st_gid, AT_SYMLINK_NOFOLLOW))
    if !found.isSymlink { try check(csys_fchmodat(target.borrowed, entry.name, found.st_mode & 0o7777)) }
  }
}
