-- Schema 11. An exit of an observed run whose line was trimmed before its first information field: NULL, as for the second. No row on disk
-- changes (see schema 4).
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'info1 INTEGER NOT NULL', 'info1 INTEGER') WHERE type = 'table' AND name = '_vm_exit';
PRAGMA writable_schema = RESET;
