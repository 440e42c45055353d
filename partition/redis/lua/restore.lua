-- restore makes the group what the caller knows, unless somebody else has done it.
-- ARGV: now, era, settings, epoch, view, lease.
local now = clock()
local era, settings, epoch, known, ttl = tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[6])
local g = group()
if g.epoch >= epoch then return {OK} end

if g.settings == '' then g.settings = settings end
g.era = max(now, g.era + 1, era + 1)
g.last, g.since, g.grace = now, now, now + 2 * ttl
g.epoch = epoch
for line in known:gmatch('[^\n]+') do
	local id, weight, address = line:match('^(.-)\t(%d+)\t(.*)$')
	local m = find(id)
	if not m then
		m = {incarnation = 0, era = 0, beat = 0, weight = tonumber(weight), address = address}
		call('ZADD', LEASES, num(g.grace), id)
	end
	m.pending = 0
	store(id, m)
end
call('SET', VIEW, '')
commit(g, '') -- differs from no members, so that there is a new epoch
save(g)
return {OK}
