#include <sqlite3.h>

/* SQLITE_TRANSIENT is a cast and sqlite3_db_config takes variable arguments: Swift imports neither. */
static inline int csqlite_bind_text(sqlite3_stmt *statement, int place, const char *text, int bytes) {
  return sqlite3_bind_text(statement, place, text, bytes, SQLITE_TRANSIENT);
}
static inline int csqlite_checkpoint_on_close(sqlite3 *connection, int wanted) {
  return sqlite3_db_config(connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !wanted, (int *)0);
}
/* Waits until what was committed to the write-ahead log is on the disk, as a commit with synchronous=FULL does
   before it lets the next writer in. A database in memory has nothing to wait for. */
static inline int csqlite_sync_log(sqlite3 *connection) {
  sqlite3_file *file = 0;
  int code = sqlite3_file_control(connection, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
  if (code != SQLITE_OK || !file || !file->pMethods) return code;
  return file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
}
