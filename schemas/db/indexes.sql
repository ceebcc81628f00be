-- Made when the first runs of a file are complete, in the transaction that marks them so: a complete run always has its indexes.
-- The run stands behind the column that tells rows apart: SQLite sorts several times faster when the first column does.

CREATE INDEX IF NOT EXISTS _table_write_by_entry ON _table_write (table_id, run, idx);
CREATE INDEX IF NOT EXISTS _table_write_by_gfn ON _table_write (gfn, run);
CREATE INDEX IF NOT EXISTS _table_write_by_fault ON _table_write (fault_id, run) WHERE fault_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS _vm_exit_by_ordinal ON _vm_exit (run, ordinal, seq);
CREATE INDEX IF NOT EXISTS _fault_by_ordinal ON _fault (run, ordinal, seq);
CREATE INDEX IF NOT EXISTS _fault_at_gva ON _fault (gva, run);
CREATE INDEX IF NOT EXISTS _access_at_gpa ON _access (gpa, run) WHERE gpa IS NOT NULL;
CREATE INDEX IF NOT EXISTS _access_at_gva ON _access (gva, run);
CREATE INDEX IF NOT EXISTS _table_page_by_hpa ON _table_page (run, pfn << 12);
CREATE INDEX IF NOT EXISTS _table_page_by_gfn ON _table_page (run, gfn, level);
CREATE INDEX IF NOT EXISTS _page_operation_by_table ON _page_operation (run, table_id);
CREATE INDEX IF NOT EXISTS _root_change_by_table ON _root_change (run, table_id);
CREATE INDEX IF NOT EXISTS _rmap_change_by_gfn ON _rmap_change (gfn, run);
CREATE INDEX IF NOT EXISTS _model_note_by_kind ON _model_note (run, kind);

-- What earlier versions made.
DROP INDEX IF EXISTS _fault_by_address;
DROP INDEX IF EXISTS _fault_by_gva;
DROP INDEX IF EXISTS _access_by_gpa;
DROP INDEX IF EXISTS _access_by_gva;

-- Without statistics the planner takes `run` for a narrow choice and walks a whole run in order; measured ones are cut off after so many
-- samples and lead it there as well. So it is told what long histories look like: rows, then rows alike in the first column, in the
-- first two, and so on. Plans are then the same for every database, and a test can hold them.
ANALYZE _function;
DELETE FROM sqlite_stat1;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('_table_write', '_table_write', '10000000 10000000 5 1'),
  ('_table_write', '_table_write_by_entry', '10000000 5000 5000 20'),
  ('_table_write', '_table_write_by_gfn', '10000000 20 20'),
  ('_table_write', '_table_write_by_fault', '10000000 3 3'),
  ('_vm_exit', '_vm_exit', '5000000 5000000 1'),
  ('_vm_exit', '_vm_exit_by_ordinal', '5000000 5000000 2 1'),
  ('_fault', '_fault', '5000000 5000000 1'),
  ('_fault', '_fault_by_ordinal', '5000000 5000000 2 1'),
  ('_fault', '_fault_at_gva', '5000000 10 10'),
  ('_access', '_access', '5000000 5000000 1'),
  ('_access', '_access_at_gpa', '5000000 10 10'),
  ('_access', '_access_at_gva', '5000000 10 10'),
  ('_table_page', '_table_page', '100000 100000 1'),
  ('_table_page', '_table_page_by_hpa', '100000 100000 10'),
  ('_table_page', '_table_page_by_gfn', '100000 100000 10 5'),
  ('_page_operation', '_page_operation', '1000000 1000000 5 1'),
  ('_page_operation', '_page_operation_by_table', '1000000 1000000 10'),
  ('_root_change', '_root_change', '100000 100000 2 1'),
  ('_root_change', '_root_change_by_table', '100000 100000 100'),
  ('_tlb_flush', '_tlb_flush', '1000000 1000000 3 1'),
  ('_rmap_change', '_rmap_change', '10000000 10000000 5 1'),
  ('_rmap_change', '_rmap_change_by_gfn', '10000000 20 20'),
  ('_guest_fault', '_guest_fault', '1000000 1000000 2 1'),
  ('_model_note', '_model_note_by_kind', '100000 10000 1000'),
  ('_chain', '_chain', '1000 100 1');
