-- Counters of a run. Those that KVM keeps as well have the names of its debugfs files and statistics descriptors.
CREATE VIEW counter (
  run,     -- integer > run.run: Which run.
  name,    -- text: The counter, such as `pf_fixed`.
  value,   -- integer: Its value at the end of the run.
  meaning  -- text: What it counts, in terms of the rows stored.
) AS
SELECT run, name, value, meaning FROM _counter;
