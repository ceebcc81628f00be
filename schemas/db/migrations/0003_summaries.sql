-- Schema 3. Everything that a report needs is counted while a run is stored, so that no report scans the history.
--
-- stretch_shift: a stretch is 2^stretch_shift ordinals, the first begins at ordinal 0; NULL: the run was stored before there were any,
-- and the tables below have no rows of it.
-- rows_to_ordinal: rows were stored up to this ordinal only, because max_rows was reached; NULL: all were.

ALTER TABLE _run ADD COLUMN max_rows INTEGER;
ALTER TABLE _run ADD COLUMN rows_to_ordinal INTEGER;
ALTER TABLE _run ADD COLUMN stretch_shift INTEGER;

-- As _write_count, and with what changed in an entry that maps the same level before and after.
-- changes:  10 9     8      7 6     5 4     3 2    1 0
--           r  r     frame  d d     a a     x x    w w
--           +  -            - +     - +     + -    + -
CREATE TABLE _write_tally (
  run INTEGER NOT NULL,
  level INTEGER NOT NULL,
  chain_id INTEGER NOT NULL,
  actor INTEGER NOT NULL,
  old_kind INTEGER NOT NULL,
  new_kind INTEGER NOT NULL,
  tracepoint INTEGER NOT NULL,
  changes INTEGER NOT NULL,
  writes INTEGER NOT NULL,
  first_ordinal INTEGER NOT NULL,
  first_seq INTEGER NOT NULL,
  last_ordinal INTEGER NOT NULL,
  PRIMARY KEY (run, level, chain_id, actor, old_kind, new_kind, tracepoint, changes)
) STRICT, WITHOUT ROWID;
INSERT INTO _write_tally
  SELECT run, level, chain_id, actor, old_kind, new_kind, tracepoint, 0, writes, first_ordinal, first_seq, last_ordinal FROM _write_count;
DROP TABLE _write_count;

CREATE TABLE _page_tally (
  run INTEGER NOT NULL,
  operation INTEGER NOT NULL,
  level INTEGER NOT NULL,
  chain_id INTEGER NOT NULL,
  operations INTEGER NOT NULL,
  first_ordinal INTEGER NOT NULL,
  last_ordinal INTEGER NOT NULL,
  PRIMARY KEY (run, operation, level, chain_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE _flush_tally (
  run INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  chain_id INTEGER NOT NULL,
  flushes INTEGER NOT NULL,
  pages INTEGER NOT NULL,
  first_ordinal INTEGER NOT NULL,
  last_ordinal INTEGER NOT NULL,
  PRIMARY KEY (run, kind, chain_id)
) STRICT, WITHOUT ROWID;

-- kind: 1 exit (name: reason), 2 fault (outcome), 3 write (function), 4 page (operation), 5 root (operation), 6 flush (kind), 7 guest fault.
CREATE TABLE _activity (
  run INTEGER NOT NULL,
  stretch INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  name INTEGER NOT NULL,
  level INTEGER NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (run, stretch, kind, name, level)
) STRICT, WITHOUT ROWID;

-- Level 0: all levels together. most: pages held at once within the stretch; held: at its end. Only stretches in which pages came or went.
CREATE TABLE _table_memory (
  run INTEGER NOT NULL,
  stretch INTEGER NOT NULL,
  level INTEGER NOT NULL,
  held INTEGER NOT NULL,
  most INTEGER NOT NULL,
  PRIMARY KEY (run, stretch, level)
) STRICT, WITHOUT ROWID;

-- The thousand at the top of each list.
CREATE TABLE _hot_gfn (
  run INTEGER NOT NULL,
  gfn INTEGER NOT NULL,
  writes INTEGER NOT NULL,
  set_writes INTEGER NOT NULL,
  change_writes INTEGER NOT NULL,
  clear_writes INTEGER NOT NULL,
  hardware_writes INTEGER NOT NULL,
  lowest_level INTEGER NOT NULL,
  highest_level INTEGER NOT NULL,
  PRIMARY KEY (run, gfn)
) STRICT, WITHOUT ROWID;

CREATE TABLE _hot_entry (
  run INTEGER NOT NULL,
  table_id INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  writes INTEGER NOT NULL,
  PRIMARY KEY (run, table_id, idx)
) STRICT, WITHOUT ROWID;

CREATE TABLE _hot_table (
  run INTEGER NOT NULL,
  table_id INTEGER NOT NULL,
  writes INTEGER NOT NULL,
  finds INTEGER NOT NULL,
  unsyncs INTEGER NOT NULL,
  syncs INTEGER NOT NULL,
  PRIMARY KEY (run, table_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE _hot_address (
  run INTEGER NOT NULL,
  address INTEGER NOT NULL,
  faults INTEGER NOT NULL,
  fixed INTEGER NOT NULL,
  spurious INTEGER NOT NULL,
  emulated INTEGER NOT NULL,
  writes INTEGER NOT NULL,
  shortest INTEGER,
  first_ordinal INTEGER NOT NULL,
  last_ordinal INTEGER NOT NULL,
  PRIMARY KEY (run, address)
) STRICT, WITHOUT ROWID;

CREATE TABLE _hot_rip (
  run INTEGER NOT NULL,
  rip INTEGER NOT NULL,
  faults INTEGER NOT NULL,
  fixed INTEGER NOT NULL,
  emulated INTEGER NOT NULL,
  writes INTEGER NOT NULL,
  first_ordinal INTEGER NOT NULL,
  last_ordinal INTEGER NOT NULL,
  PRIMARY KEY (run, rip)
) STRICT, WITHOUT ROWID;
