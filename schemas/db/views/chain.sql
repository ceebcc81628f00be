-- Call chains that led to writes and other operations, each stored once.
CREATE VIEW chain (
  run,      -- integer > run.run: Which run.
  chain_id, -- integer: Number of the chain within the run; 0 is the hardware.
  function, -- text: The function that acts: the last of the chain.
  depth,    -- integer: Functions in the chain.
  path      -- text: The functions from the outermost to the one that acts, separated by ` > `.
) AS
SELECT run, chain_id, (SELECT name FROM _function AS f WHERE f.function = c.function), depth, path
FROM _chain AS c;
