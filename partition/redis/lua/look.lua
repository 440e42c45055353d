-- look is the picture of the group. ARGV: now.
local now, g = clock(), group()
return {now, g.settings, g.era, g.grace, g.epoch, view(),
	call('HGETALL', MEMBERS), call('ZRANGE', LEASES, 0, -1, 'WITHSCORES'), call('HGETALL', SOURCES)}
