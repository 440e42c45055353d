-- beat joins, renews the lease of the caller, sweeps and makes a new view when it is time.
-- ARGV: now, id, incarnation, era, weight, address, settings, epoch, lease, settle, settle
-- at most. It looks at one member, unless somebody died, joins or was away.
local now = clock()
local id, incarnation, era = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local weight, address, settings, known = tonumber(ARGV[5]), ARGV[6], ARGV[7], tonumber(ARGV[8])
local ttl, settle, most = tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
local era_known = era
local g, m = group(), find(id)

-- others reports whether there is any member but the caller.
local function others() return call('HLEN', MEMBERS) > (m and 1 or 0) end

-- rewind leaves nothing in the future when the clock was set back: otherwise joins would wait,
-- a grace go on and the dead have a lease until the clock is where it was.
local function rewind()
	g.firstjoin, g.lastjoin = min(g.firstjoin, now), min(g.lastjoin, now)
	g.since, g.grace = 0, 0
	all(function(other, known)
		known.beat = min(known.beat, now - 1)
		store(other, known)
		call('ZADD', LEASES, num(min(deadline(other), now + 2 * ttl)), other)
	end)
	m = find(id)
end

-- hear notes that somebody was heard. When nobody was for half a lease, or the clock was set
-- back by as much, the coordinator was away; in a grace that goes on a whole lease is needed,
-- for it must end.
local function hear()
	local silent = max(now - g.last, g.last - now)
	local away = g.last ~= 0 and (silent > ttl or silent > floor(ttl / 2) and g.grace == 0)
	if away and now < g.last then rewind() end
	if away and others() then g.since, g.grace = now, now + 2 * ttl end
	g.last = now
end

-- end_grace ends it when its time is over, or when everybody is back.
local function end_grace()
	if g.grace == 0 then return end
	if now < g.grace then
		local back = true
		all(function(_, other) back = back and other.beat >= g.since and other.era == g.era end)
		if not back then return end
	end
	g.since, g.grace = 0, 0
end

-- sweep removes those whose lease is over and reports whether one was in the view.
local function sweep()
	local changed = false
	for _, dead in ipairs(call('ZRANGEBYSCORE', LEASES, '-inf', num(now))) do
		local gone = find(dead)
		changed = changed or not gone or gone.pending == 0
		call('HDEL', MEMBERS, dead)
		call('ZREM', LEASES, dead)
	end
	return changed
end

-- adopt takes over the caller's settings if nobody else works with others.
local function adopt()
	if g.settings ~= '' then
		end_grace()
		if g.grace == 0 and sweep() then commit(g, view()) end -- they may be gone, and nobody has noticed
		m = find(id)
		if others() then return false end
		g.era = max(now, g.era + 1) -- the partitions of their ledgers mean something else
	end
	g.settings = settings
	return true
end

-- admit takes those who wait into the view once no more come.
local function admit()
	if g.firstjoin == 0 or now - g.lastjoin < settle and now - g.firstjoin < most then return false end
	g.firstjoin, g.lastjoin = 0, 0
	local changed = false
	all(function(other, waiting)
		if waiting.pending ~= 0 then
			waiting.pending, changed = 0, true
			store(other, waiting)
		end
	end)
	m.pending = 0
	return changed
end

if late(now) then return {LATE, now} end
if incarnation ~= 0 and known > g.epoch then return {AMNESIA, now} end
if m and incarnation ~= 0 and m.incarnation > incarnation then return {REPLACED, now} end
hear()
if g.settings ~= settings and not adopt() then
	save(g)
	return {MISMATCH, now, g.settings}
end
if g.era == 0 then g.era = max(now, 1) end

local changed = false
if not m then
	m = {incarnation = 0, pending = 1, weight = weight, address = address}
	g.lastjoin = now
	if g.firstjoin == 0 then g.firstjoin = now end
end
if incarnation == 0 then
	m.incarnation, era = max(now, m.incarnation + 1, g.newest + 1), g.era
else
	m.incarnation = incarnation
end
g.newest = max(g.newest, m.incarnation)
if m.weight ~= weight or m.address ~= address then
	m.weight, m.address, changed = weight, address, m.pending == 0
end
m.era, m.beat = era, now
store(id, m)
call('ZADD', LEASES, num(now + ttl), id)

end_grace()
if g.grace == 0 and sweep() then changed = true end
if admit() then changed = true end
if changed then commit(g, view()) end
save(g)
local reply = {OK, now, m.incarnation, g.era, g.epoch, m.pending == 0 and 1 or 0, g.grace ~= 0 and 1 or 0}
if known ~= g.epoch or era_known ~= 0 and era_known ~= g.era then reply[#reply + 1] = view() end
return reply
