/*
 * Rows into SQLite the plain way: a prepared statement, values bound, a step a statement; the indexes at the end.
 *
 *   ingest DATABASE ROWS INDEXES.sql ROWS_A_STATEMENT
 *
 * DATABASE has the tables, empty. ROWS holds, for one table after the other and in native order: the length in words of a text, the text
 * ("table(column, column)", padded with zeros), columns, rows, and the rows as 64-bit integers, the lowest of which stands for NULL.
 * Prints the CPU seconds of loading and those of making the indexes.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

/* What is used of sqlite3.h, which need not be installed. */
typedef struct sqlite3 sqlite3;
typedef struct sqlite3_stmt sqlite3_stmt;
int sqlite3_open_v2(const char *, sqlite3 **, int, const char *);
int sqlite3_close(sqlite3 *);
int sqlite3_exec(sqlite3 *, const char *, int (*)(void *, int, char **, char **), void *, char **);
int sqlite3_prepare_v3(sqlite3 *, const char *, int, unsigned, sqlite3_stmt **, const char **);
int sqlite3_bind_int64(sqlite3_stmt *, int, int64_t);
int sqlite3_bind_null(sqlite3_stmt *, int);
int sqlite3_step(sqlite3_stmt *);
int sqlite3_reset(sqlite3_stmt *);
int sqlite3_finalize(sqlite3_stmt *);
const char *sqlite3_errmsg(sqlite3 *);

enum { OK = 0, DONE = 101, READWRITE = 2, NOMUTEX = 0x8000, PERSISTENT = 1, ROWS_A_TRANSACTION = 250000 };

static sqlite3 *database;

static void check(int result)
{
    if (result == OK || result == DONE)
        return;
    fprintf(stderr, "ingest: %s\n", sqlite3_errmsg(database));
    exit(1);
}

static void execute(const char *sql) { check(sqlite3_exec(database, sql, NULL, NULL, NULL)); }

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

static const void *map(const char *path, size_t *size)
{
    struct stat info;
    int file = open(path, O_RDONLY);
    if (file < 0 || fstat(file, &info))
        exit(1);
    const void *bytes = mmap(NULL, info.st_size + 1, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
    if (bytes == MAP_FAILED)
        exit(1);
    *size = info.st_size;
    return bytes;
}

static sqlite3_stmt *prepare(const char *table, int64_t columns, int rows)
{
    char *sql = malloc(strlen(table) + 32 + rows * (2 * columns + 3)), *end = sql;
    sqlite3_stmt *statement;
    if (!sql)
        exit(1);
    end += sprintf(end, "INSERT INTO %s VALUES ", table);
    for (int row = 0; row < rows; row++) {
        for (int64_t column = 0; column < columns; column++)
            end += sprintf(end, column ? ",?" : row ? ",(?" : "(?");
        end += sprintf(end, ")");
    }
    check(sqlite3_prepare_v3(database, sql, -1, PERSISTENT, &statement, NULL));
    free(sql);
    return statement;
}

static const int64_t *insert(sqlite3_stmt *statement, const int64_t *value, int64_t values)
{
    for (int64_t i = 1; i <= values; i++, value++) {
        if (*value == INT64_MIN)
            sqlite3_bind_null(statement, (int)i);
        else
            sqlite3_bind_int64(statement, (int)i, *value);
    }
    check(sqlite3_step(statement));
    sqlite3_reset(statement);
    return value;
}

static const int64_t *load(const int64_t *at, int many)
{
    int64_t words = *at++;
    const char *table = (const char *)at;
    at += words;
    int64_t columns = *at++, left = *at++, uncommitted = 0;
    sqlite3_stmt *one = prepare(table, columns, 1), *batch = prepare(table, columns, many);
    execute("BEGIN");
    while (left > 0) {
        int rows = left >= many ? many : 1;
        at = insert(rows == 1 ? one : batch, at, rows * columns);
        left -= rows;
        uncommitted += rows;
        if (uncommitted >= ROWS_A_TRANSACTION) {
            execute("COMMIT; BEGIN");
            uncommitted = 0;
        }
    }
    execute("COMMIT");
    sqlite3_finalize(one);
    sqlite3_finalize(batch);
    return at;
}

int main(int argc, char **argv)
{
    size_t size, length;
    if (argc != 5)
        return 1;
    const int64_t *at = map(argv[2], &size), *end = at + size / sizeof *at;
    const char *indexes = map(argv[3], &length);
    check(sqlite3_open_v2(argv[1], &database, READWRITE | NOMUTEX, NULL));
    execute("PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536");

    double start = seconds();
    while (at < end)
        at = load(at, atoi(argv[4]));
    double loaded = seconds();
    execute("PRAGMA cache_size = -8000");
    execute(indexes);
    printf("%.6f %.6f\n", loaded - start, seconds() - loaded);
    return sqlite3_close(database);
}
