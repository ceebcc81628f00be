-- Schema 4. Runs of mode `observed`: imported from a real KVM's trace, which does not show everything. What it does not show is NULL, so
-- columns that a modelled run always fills may be NULL now. That changes no row on disk: only the declarations are rewritten (the
-- procedure that SQLite documents for taking a NOT NULL away).
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(replace(replace(sql, 'vcpu INTEGER NOT NULL', 'vcpu INTEGER'), 'info2 INTEGER NOT NULL', 'info2 INTEGER'),
  'rip INTEGER NOT NULL', 'rip INTEGER') WHERE type = 'table' AND name = '_vm_exit';
UPDATE sqlite_schema SET sql = replace(replace(replace(replace(replace(sql, 'vcpu INTEGER NOT NULL', 'vcpu INTEGER'),
  'gva INTEGER NOT NULL', 'gva INTEGER'), 'rip INTEGER NOT NULL', 'rip INTEGER'), 'outcome INTEGER NOT NULL', 'outcome INTEGER'),
  'mapped_level INTEGER NOT NULL', 'mapped_level INTEGER') WHERE type = 'table' AND name = '_fault';
UPDATE sqlite_schema SET sql = replace(replace(replace(sql, 'gfn INTEGER NOT NULL', 'gfn INTEGER'), 'old INTEGER NOT NULL', 'old INTEGER'),
  'new INTEGER NOT NULL', 'new INTEGER') WHERE type = 'table' AND name = '_table_write';
UPDATE sqlite_schema SET sql = replace(replace(replace(sql, 'role INTEGER NOT NULL', 'role INTEGER'), 'gfn INTEGER NOT NULL', 'gfn INTEGER'),
  'pfn INTEGER NOT NULL', 'pfn INTEGER') WHERE type = 'table' AND name = '_table_page';
UPDATE sqlite_schema SET sql = replace(sql, 'vcpu INTEGER NOT NULL', 'vcpu INTEGER') WHERE type = 'table' AND name IN ('_page_operation', '_tlb_flush');
UPDATE sqlite_schema SET sql = replace(replace(sql, 'vcpu INTEGER NOT NULL', 'vcpu INTEGER'), 'value INTEGER NOT NULL', 'value INTEGER')
  WHERE type = 'table' AND name = '_root_change';
UPDATE sqlite_schema SET sql = replace(replace(replace(sql, 'vcpu INTEGER NOT NULL', 'vcpu INTEGER'), 'gva INTEGER NOT NULL', 'gva INTEGER'),
  'rip INTEGER NOT NULL', 'rip INTEGER') WHERE type = 'table' AND name = '_guest_fault';
UPDATE sqlite_schema SET sql = replace(replace(replace(replace(sql, 'vcpu INTEGER NOT NULL', 'vcpu INTEGER'), 'gva INTEGER NOT NULL', 'gva INTEGER'),
  'recorded INTEGER NOT NULL', 'recorded INTEGER'), 'modelled INTEGER NOT NULL', 'modelled INTEGER') WHERE type = 'table' AND name = '_model_note';
PRAGMA writable_schema = RESET;

-- Bits of the role word that are known; NULL: all.
ALTER TABLE _table_page ADD COLUMN role_mask INTEGER;
ALTER TABLE _page_operation ADD COLUMN role_mask INTEGER;

-- 0: the page was there before the trace shows its making; `created_*` is where it is first shown.
ALTER TABLE _table_page ADD COLUMN created_shown INTEGER NOT NULL DEFAULT 1;

CREATE TABLE _trace_name (
  run INTEGER NOT NULL,
  name_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  probed_function TEXT,
  events INTEGER NOT NULL,
  PRIMARY KEY (run, name_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE _trace_task (
  run INTEGER NOT NULL,
  task_id INTEGER NOT NULL,
  task TEXT NOT NULL,
  PRIMARY KEY (run, task_id)
) STRICT, WITHOUT ROWID;

-- Every event of the trace. `fields` is kept where no row of the history says the same.
CREATE TABLE _trace_event (
  run INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  line INTEGER NOT NULL,
  time INTEGER NOT NULL,
  cpu INTEGER NOT NULL,
  pid INTEGER NOT NULL,
  task_id INTEGER NOT NULL,
  name_id INTEGER NOT NULL,
  fields TEXT,
  PRIMARY KEY (run, ordinal)
) STRICT, WITHOUT ROWID;

-- Which facts the source of an observed run could see.
CREATE TABLE _capability (
  run INTEGER NOT NULL,
  fact TEXT NOT NULL,
  shown TEXT NOT NULL CHECK (shown IN ('yes', 'partly', 'derived', 'no')),
  source TEXT NOT NULL,
  PRIMARY KEY (run, fact)
) STRICT, WITHOUT ROWID;
