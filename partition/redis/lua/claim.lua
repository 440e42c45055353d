-- claim grants partitions. Those that the caller holds already are in the answer too,
-- since it may not have heard of an earlier one. ARGV from 9: the reason, the partitions.
local c, status = open()
if status ~= OK then return {status} end
local why = tonumber(ARGV[9])
if why == STEAL and now < start + floor(interval * STEAL_PERCENT / 100) then return {OK} end

local reply, before = {OK}, c.claimed
each(10, #ARGV, function(p, e)
	if e and stage(e) == HELD and mine(e) then
		reply[#reply + 1] = tonumber(p)
		return nil
	end
	if not claimable(c, e, why) then return nil end
	reply[#reply + 1] = tonumber(p)
	move(c, e and stage(e), HELD)
	return entry(HELD, why, e and tries(e) or 0)
end)
if c.claimed ~= before then count(c) end
return reply
