-- Where the clock, the CPU and the thread of a run's events stand: rows of `observed_event`.
--
-- An observed run has its own. A companion run has those of the run that it was held against, its ordinals moved. Other runs have no row here.
CREATE VIEW trace_of (
  run,           -- integer > run.run: Which run.
  trace_run,     -- integer > run.run: The run whose `observed_event` has its events.
  ordinal_offset -- integer: What to take from an ordinal of the run to have that of the event.
) AS
SELECT run, run, 0 FROM _run WHERE mode = 'observed'
UNION ALL
SELECT c.run, o.run, CAST(coalesce(json_extract(c.options, '$.ordinal_offset'), 0) AS INTEGER)
FROM _run AS c JOIN _run AS o ON o.name = json_extract(c.options, '$.companion_of') AND o.mode = 'observed'
WHERE c.mode <> 'observed' AND json_valid(c.options);
