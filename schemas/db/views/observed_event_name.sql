-- The events of an observed run by name: how many of each there are in the trace.
CREATE VIEW observed_event_name (
  run,    -- integer > run.run: Which run.
  name,   -- text: The event.
  probed, -- text: The function that a kprobe or kretprobe of this name stands on; NULL: a tracepoint.
  events  -- integer: How many.
) AS
SELECT run, name, probed_function, events
FROM _trace_name;
