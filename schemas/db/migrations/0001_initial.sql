-- Schema 1. Private tables: their names begin with an underscore, and they may change with any version. The views are the interface.
--
-- A run is one capture replayed in one mode; one database holds any number of runs, so every key begins with the run.
-- `ordinal` is the trace event, `seq` the place in the run's history; both ascend together, so (run, ordinal, seq) is the order of
-- history, and "as of event N" is a range of the primary key. -1 in the model ("no fault", "no exit") is NULL here.
-- Addresses and entries are 64-bit patterns in SQLite's signed integers: a kernel-half address is negative.

CREATE TABLE _run (
  run INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  mode TEXT NOT NULL,
  entry_format TEXT NOT NULL CHECK (entry_format IN ('ept', 'x86')),
  complete INTEGER NOT NULL DEFAULT 0 CHECK (complete IN (0, 1)),
  history_hash TEXT,
  capture TEXT NOT NULL,
  capture_hash TEXT NOT NULL,
  capture_source TEXT NOT NULL,
  capture_complete INTEGER NOT NULL,
  capture_filter TEXT,
  profile TEXT NOT NULL,
  backing TEXT NOT NULL,
  kernel TEXT NOT NULL,
  tool TEXT NOT NULL,
  model TEXT NOT NULL,
  options TEXT NOT NULL,
  detail TEXT NOT NULL CHECK (detail IN ('all', 'leaf', 'counters')),
  has_rmap INTEGER NOT NULL,
  mmio_mask INTEGER NOT NULL,
  mmio_value INTEGER NOT NULL,
  first_ordinal INTEGER,
  last_ordinal INTEGER,
  accesses INTEGER,
  events INTEGER,
  last_seq INTEGER,
  CHECK (complete = 0 OR history_hash IS NOT NULL)
) STRICT;

CREATE TABLE _function (
  function INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE _chain (
  run INTEGER NOT NULL,
  chain_id INTEGER NOT NULL,
  function INTEGER NOT NULL,
  depth INTEGER NOT NULL,
  path TEXT NOT NULL,
  PRIMARY KEY (run, chain_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE _access (
  run INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  gva INTEGER NOT NULL,
  gpa INTEGER,
  rip INTEGER NOT NULL,
  value INTEGER,
  size INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  flags INTEGER NOT NULL,
  vcpu INTEGER NOT NULL,
  PRIMARY KEY (run, ordinal)
) STRICT, WITHOUT ROWID;

CREATE TABLE _vm_exit (
  run INTEGER NOT NULL,
  exit_id INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  reason INTEGER NOT NULL,
  vcpu INTEGER NOT NULL,
  info1 INTEGER NOT NULL,
  info2 INTEGER NOT NULL,
  rip INTEGER NOT NULL,
  PRIMARY KEY (run, exit_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE _fault (
  run INTEGER NOT NULL,
  fault_id INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  end_seq INTEGER NOT NULL,
  exit_id INTEGER,
  address INTEGER NOT NULL,
  gva INTEGER NOT NULL,
  error_code INTEGER NOT NULL,
  rip INTEGER NOT NULL,
  writes INTEGER NOT NULL,
  handler INTEGER NOT NULL,
  outcome INTEGER NOT NULL,
  mapped_level INTEGER NOT NULL,
  access INTEGER NOT NULL,
  vcpu INTEGER NOT NULL,
  PRIMARY KEY (run, fault_id)
) STRICT, WITHOUT ROWID;

-- flags:  21..14  13   12..10    9..7      6..4        3      2..0
--         vcpu    ept  new kind  old kind  tracepoint  actor  level
-- Kinds of an entry: 0 none, 1 removed, 2 mmio, 3 table, 4 page, 5 huge, 6 root, 7 other. The writer classifies once, so that views
-- need no join to decode. The function that wrote is the last of the chain; chain 0 is the hardware.
CREATE TABLE _table_write (
  run INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  table_id INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  gfn INTEGER NOT NULL,
  old INTEGER NOT NULL,
  new INTEGER NOT NULL,
  fault_id INTEGER,
  exit_id INTEGER,
  chain_id INTEGER NOT NULL,
  flags INTEGER NOT NULL,
  PRIMARY KEY (run, ordinal, seq)
) STRICT, WITHOUT ROWID;

-- How many writes, by what makes them alike: filled by the writer, so that reports need not scan the writes.
CREATE TABLE _write_count (
  run INTEGER NOT NULL,
  level INTEGER NOT NULL,
  chain_id INTEGER NOT NULL,
  actor INTEGER NOT NULL,
  old_kind INTEGER NOT NULL,
  new_kind INTEGER NOT NULL,
  tracepoint INTEGER NOT NULL,
  writes INTEGER NOT NULL,
  first_ordinal INTEGER NOT NULL,
  first_seq INTEGER NOT NULL,
  last_ordinal INTEGER NOT NULL,
  PRIMARY KEY (run, level, chain_id, actor, old_kind, new_kind, tracepoint)
) STRICT, WITHOUT ROWID;

-- The same for exits and for faults.
CREATE TABLE _exit_count (
  run INTEGER NOT NULL,
  reason INTEGER NOT NULL,
  exits INTEGER NOT NULL,
  faults INTEGER NOT NULL,
  writes INTEGER NOT NULL,
  first_ordinal INTEGER NOT NULL,
  last_ordinal INTEGER NOT NULL,
  PRIMARY KEY (run, reason)
) STRICT, WITHOUT ROWID;

CREATE TABLE _fault_count (
  run INTEGER NOT NULL,
  handler INTEGER NOT NULL,
  access INTEGER NOT NULL,
  outcome INTEGER NOT NULL,
  mapped_level INTEGER NOT NULL,
  faults INTEGER NOT NULL,
  writes INTEGER NOT NULL,
  first_ordinal INTEGER NOT NULL,
  last_ordinal INTEGER NOT NULL,
  PRIMARY KEY (run, handler, access, outcome, mapped_level)
) STRICT, WITHOUT ROWID;

CREATE TABLE _table_page (
  run INTEGER NOT NULL,
  table_id INTEGER NOT NULL,
  level INTEGER NOT NULL,
  role INTEGER NOT NULL,
  gfn INTEGER NOT NULL,
  pfn INTEGER NOT NULL,
  is_tdp INTEGER NOT NULL,
  is_special INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  created_ordinal INTEGER NOT NULL,
  created_seq INTEGER NOT NULL,
  fault_id INTEGER,
  chain_id INTEGER NOT NULL,
  zapped_ordinal INTEGER,
  zapped_seq INTEGER,
  zap_chain_id INTEGER,
  freed_ordinal INTEGER,
  freed_seq INTEGER,
  PRIMARY KEY (run, table_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE _page_operation (
  run INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  table_id INTEGER NOT NULL,
  operation INTEGER NOT NULL,
  level INTEGER NOT NULL,
  gfn INTEGER NOT NULL,
  role INTEGER NOT NULL,
  root_count INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  unsync INTEGER NOT NULL,
  fault_id INTEGER,
  exit_id INTEGER,
  chain_id INTEGER NOT NULL,
  vcpu INTEGER NOT NULL,
  PRIMARY KEY (run, ordinal, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE _root_change (
  run INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  operation INTEGER NOT NULL,
  value INTEGER NOT NULL,
  table_id INTEGER NOT NULL,
  exit_id INTEGER,
  chain_id INTEGER NOT NULL,
  vcpu INTEGER NOT NULL,
  PRIMARY KEY (run, ordinal, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE _tlb_flush (
  run INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  start INTEGER NOT NULL,
  pages INTEGER NOT NULL,
  fault_id INTEGER,
  exit_id INTEGER,
  chain_id INTEGER NOT NULL,
  vcpu INTEGER NOT NULL,
  PRIMARY KEY (run, ordinal, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE _rmap_change (
  run INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  operation INTEGER NOT NULL,
  gfn INTEGER NOT NULL,
  table_id INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  level INTEGER NOT NULL,
  child_id INTEGER,
  fault_id INTEGER,
  chain_id INTEGER NOT NULL,
  PRIMARY KEY (run, ordinal, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE _guest_fault (
  run INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  gva INTEGER NOT NULL,
  error_code INTEGER NOT NULL,
  rip INTEGER NOT NULL,
  exit_id INTEGER,
  vcpu INTEGER NOT NULL,
  recorded INTEGER NOT NULL,
  PRIMARY KEY (run, ordinal, seq)
) STRICT, WITHOUT ROWID;

-- Notes have no place of their own in history: several can follow one record.
CREATE TABLE _model_note (
  note INTEGER PRIMARY KEY,
  run INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  gva INTEGER NOT NULL,
  recorded INTEGER NOT NULL,
  modelled INTEGER NOT NULL,
  vcpu INTEGER NOT NULL
) STRICT;

CREATE TABLE _counter (
  run INTEGER NOT NULL,
  name TEXT NOT NULL,
  value INTEGER NOT NULL,
  meaning TEXT NOT NULL,
  PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;
