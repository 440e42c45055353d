-- settle finishes and hands back what the caller holds, and returns what it does not hold.
-- Doing either twice is no fault: the answer to the first may have been lost. ARGV from 9:
-- how many partitions are done, those, and those that are handed back.
local c, status = open()
if status ~= OK then return {status} end
local done, reply, changed = tonumber(ARGV[9]), {OK}, false
each(10, 9 + done, function(p, trace)
	local e = of(c, trace)
	if not e or stage(e) == OPEN or not mine(e) then
		reply[#reply + 1] = tonumber(p)
	elseif stage(e) == HELD then
		changed = true
		if now >= start + interval then c.late = c.late + 1 end
		return finish(c, trace and HELD, reason(e), tries(e))
	end
end)
each(10 + done, #ARGV, function(p, trace)
	local e = of(c, trace)
	if not e or stage(e) == DONE or not mine(e) then
		reply[#reply + 1] = tonumber(p)
	elseif stage(e) == HELD then
		changed = true
		move(c, trace and HELD, OPEN)
		return entry(OPEN, reason(e), tries(e) + 1)
	end
end)
if changed then count(c) end
return reply
