-- Where the clock, the CPU and the thread of a run's events stand: rows of `observed_event`.
--
-- An observed run has its own. A companion run has those of the run that it was held against, its ordinals moved. Modelled runs have none.
CREATE VIEW trace_of (
  run,           -- integer > run.run: Which run.
  trace_run,     -- integer > run.run: The run whose `observed_event` has its events; NULL: none has.
  ordinal_offset -- integer: What to take from an ordinal of the run to have that of the event.
) AS
SELECT
  r.run,
  CASE WHEN r.mode = 'observed' THEN r.run ELSE (SELECT o.run FROM _run AS o WHERE o.mode = 'observed' AND o.name = json_extract(r.options, '$.companion_of')) END,
  CAST(coalesce(json_extract(r.options, '$.ordinal_offset'), 0) AS INTEGER)
FROM _run AS r;
