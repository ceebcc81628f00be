-- Which facts the source of an observed run could see. What it could not see is absent from the run, or NULL.
--
-- Runs of the model have no rows here: they show everything.
CREATE VIEW capability (
  run,    -- integer > run.run: Which run.
  fact,   -- text: Which rows or columns: `faults`, `fault.outcome`, `table_write.old`, `tlb_flushes` and so on.
  shown,  -- text: `yes`, `partly`, `derived` (it follows from what is shown), `no`.
  source  -- text: The tracepoints and probes that show it, present in the trace or not.
) AS
SELECT run, fact, shown, source
FROM _capability;
