-- unfinished returns those of the partitions that could be claimed now. ARGV from 9: the
-- partitions.
local c, status = open()
local reply = {status}
if not c then return reply end
each(9, #ARGV, function(p, e)
	if claimable(c, e, STEAL) then reply[#reply + 1] = tonumber(p) end
end)
return reply
