-- begin pins the view of a cycle and returns it. ARGV from 9: how many partitions are
-- expected; and, when the ledger was lost before, the epoch and text of its view.
local status = timely()
if status ~= OK then return {status} end
local expected = tonumber(ARGV[9])
local c = cycle()
if not c then
	if ARGV[10] then
		c = begin(tonumber(ARGV[10]), ARGV[11], 1)
	else
		c = begin(g.epoch, view(), 0)
	end
end
if expected > c.expected then call('HSET', ITEM, 'expected', expected) end
return {OK, c.epoch, call('HGET', ITEM, 'view')}
