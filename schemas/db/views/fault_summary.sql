-- How many faults of each sort, and how many table writes they made: counted while they were stored.
CREATE VIEW fault_summary (
  run,           -- integer > run.run: Which run.
  handler,       -- text: The handler, as in `fault`.
  access,        -- text: What the guest did: `read`, `write` or `fetch`.
  outcome,       -- text: How they ended, as in `fault`.
  mapped_level,  -- integer: Level at which KVM mapped the page, 0: none.
  faults,        -- integer: How many.
  writes,        -- integer: Table writes made while they were handled.
  first_ordinal, -- integer: The trace event of the first.
  last_ordinal   -- integer: The trace event of the last.
) AS
SELECT
  run,
  (SELECT name FROM _function AS f WHERE f.function = nullif(handler, 0)),
  CASE access WHEN 0 THEN 'read' WHEN 1 THEN 'write' WHEN 2 THEN 'fetch' ELSE CAST(access AS TEXT) END,
  CASE nullif(outcome, 255)
    WHEN 0 THEN 'continue' WHEN 1 THEN 'retry' WHEN 2 THEN 'emulate' WHEN 3 THEN 'invalid' WHEN 4 THEN 'fixed' WHEN 5 THEN 'spurious' WHEN 6 THEN 'write_protected'
    WHEN 16 THEN 'guest_fault' WHEN 17 THEN 'failed' ELSE CAST(nullif(outcome, 255) AS TEXT) END,
  nullif(mapped_level, 255), faults, writes, first_ordinal, last_ordinal
FROM _fault_count;
