-- Table pages held by a run, at the end of each stretch and at most within it: counted while they were stored.
--
-- Stretches are those of `activity`. One in which no page of a level came or went has no row of that level: what was held before it is held
-- on. Special roots (`table_page.special`) are not counted.
CREATE VIEW table_memory (
  run,           -- integer > run.run: Which run.
  first_ordinal, -- integer: First ordinal of the stretch.
  last_ordinal,  -- integer: Last ordinal of the stretch.
  level,         -- integer: Level of the tables, 1 (PT) to 5 (PML5); 0: all levels together.
  held,          -- integer: Pages of 4 KiB held at the end of the stretch.
  most           -- integer: The most that were held at once within the stretch.
) AS
SELECT m.run, m.stretch << r.stretch_shift, (m.stretch + 1 << r.stretch_shift) - 1, m.level, m.held, m.most
FROM _table_memory AS m
JOIN _run AS r ON r.run = m.run;
