-- backfill enters what the caller has done and holds. It needs no lease. ARGV from 9: the
-- epoch and text of the view that the work was divided by, how many partitions are done,
-- those, and those that are held.
local status = timely()
if status ~= OK then return {status} end
local c = cycle() or begin(tonumber(ARGV[9]), ARGV[10], 1)
local done, changed = tonumber(ARGV[11]), false
each(12, 11 + done, function(_, e)
	changed = true
	if not e then return finish(c, nil, OWN, 0) end
	if stage(e) == HELD and not mine(e) and not lives(e) then return finish(c, HELD, OWN, 0) end
	if stage(e) == HELD and mine(e) or stage(e) == OPEN then return finish(c, stage(e), reason(e), tries(e)) end
end)
each(12 + done, #ARGV, function(_, e)
	if e then return nil end
	changed = true
	move(c, nil, HELD)
	return entry(HELD, OWN, 0)
end)
if changed then count(c) end
return {OK}
