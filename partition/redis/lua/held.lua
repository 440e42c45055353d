-- held returns those of the partitions that the caller neither holds nor has finished.
-- ARGV from 9: the partitions.
local c, status = open()
local reply = {status}
if not c then return reply end
each(9, #ARGV, function(p, e)
	e = of(c, e)
	if not e or stage(e) == OPEN or not mine(e) then reply[#reply + 1] = tonumber(p) end
end)
return reply
