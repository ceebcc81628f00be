-- Made when the first runs of a file are complete, in the transaction that marks them so: a complete run always has its indexes.
-- The run stands behind the column that tells rows apart: SQLite sorts several times faster when the first column does.

CREATE INDEX IF NOT EXISTS _table_write_by_entry ON _table_write (table_id, run, idx);
CREATE INDEX IF NOT EXISTS _table_write_by_gfn ON _table_write (gfn, run);
CREATE INDEX IF NOT EXISTS _table_write_by_fault ON _table_write (fault_id, run) WHERE fault_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS _vm_exit_by_ordinal ON _vm_exit (run, ordinal, seq);
CREATE INDEX IF NOT EXISTS _fault_by_ordinal ON _fault (run, ordinal, seq);
CREATE INDEX IF NOT EXISTS _fault_by_address ON _fault (run, address);
CREATE INDEX IF NOT EXISTS _fault_by_gva ON _fault (run, gva);
CREATE INDEX IF NOT EXISTS _access_by_gpa ON _access (run, gpa) WHERE gpa IS NOT NULL;
CREATE INDEX IF NOT EXISTS _access_by_gva ON _access (run, gva);
CREATE INDEX IF NOT EXISTS _table_page_by_hpa ON _table_page (run, pfn << 12);
CREATE INDEX IF NOT EXISTS _table_page_by_gfn ON _table_page (run, gfn, level);
CREATE INDEX IF NOT EXISTS _page_operation_by_table ON _page_operation (run, table_id);
CREATE INDEX IF NOT EXISTS _root_change_by_table ON _root_change (run, table_id);
CREATE INDEX IF NOT EXISTS _rmap_change_by_gfn ON _rmap_change (gfn, run);
CREATE INDEX IF NOT EXISTS _model_note_by_kind ON _model_note (run, kind);

-- Without statistics the planner takes `run` for a narrow choice and walks a whole run in order. A thousand samples an index are enough.
PRAGMA analysis_limit = 1000;
ANALYZE;
