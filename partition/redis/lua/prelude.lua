-- What every step begins with. All keys come in KEYS and share one hash tag, so that a
-- step runs on a Cluster too: the group, its view, members, leases and sources, and the
-- cycle or the post that the step is about. ARGV[1] is until when the caller waits, 0 for ever, and for tests the time.
--
-- Every step that adds to memory begins its writing with a command that Redis refuses when
-- memory is short. What comes after a first write is never refused, so that a step
-- happens as a whole or not at all.
local GROUP, VIEW, MEMBERS, LEASES, SOURCES, ITEM = unpack(KEYS)
local call, max, min, floor, concat = redis.call, math.max, math.min, math.floor, table.concat

local OK, MISMATCH, AMNESIA, REPLACED, WRONG_ERA, NO_LEASE, NO_LEDGER, WRONG_VIEW, TOO_EARLY, OVER =
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9
local LATE = 10
local UNTIL, TEST_TIME = ARGV[1]:match('^(%d+) ?(%d*)$')

-- clock is the time in milliseconds since 1970.
local function clock()
	if TEST_TIME ~= '' then return tonumber(TEST_TIME) end
	local t = call('TIME')
	return t[1] * 1000 + floor(t[2] / 1000)
end

-- late reports whether nobody stands by the request any more: the server was frozen.
local function late(now) return UNTIL ~= '0' and now > tonumber(UNTIL) end

-- num writes a whole number of up to 53 bits; Lua's own way keeps 14 digits.
local function num(n) return string.format('%.0f', n) end

local FIELDS = {'settings', 'era', 'epoch', 'last', 'since', 'grace', 'firstjoin', 'lastjoin', 'newest'}

-- group reads what the members have in common.
local function group()
	local stored = call('HMGET', GROUP, unpack(FIELDS))
	local g = {stored = stored, settings = stored[1] or ''}
	for i = 2, #FIELDS do g[FIELDS[i]] = tonumber(stored[i] or 0) end
	return g
end

-- save writes what has changed of a group.
local function save(g)
	local changed = {}
	for i, name in ipairs(FIELDS) do
		local text = i == 1 and g[name] or num(g[name])
		if text ~= g.stored[i] then
			changed[#changed + 1] = name
			changed[#changed + 1] = text
		end
	end
	if #changed > 0 then call('HSET', GROUP, unpack(changed)) end
end

-- member reads the text of one, and is nil when there is none.
local function member(text)
	if not text then return nil end
	local incarnation, era, beat, pending, weight, address =
		text:match('^(%d+)\t(%d+)\t(%d+)\t(%d+)\t(%d+)\t(.*)$')
	return {incarnation = tonumber(incarnation), era = tonumber(era), beat = tonumber(beat),
		pending = tonumber(pending), weight = tonumber(weight), address = address}
end

local function find(id) return member(call('HGET', MEMBERS, id)) end

-- deadline is until when a member has its lease.
local function deadline(id) return tonumber(call('ZSCORE', LEASES, id) or 0) end

local function store(id, m)
	call('HSET', MEMBERS, id, concat({num(m.incarnation), num(m.era), num(m.beat), m.pending, m.weight, m.address}, '\t'))
end

-- all gives every member to visit, which may store and remove.
local function all(visit)
	local flat = call('HGETALL', MEMBERS)
	for i = 1, #flat, 2 do visit(flat[i], member(flat[i + 1])) end
end

-- view is the text of the newest view: a line for each member, in any order.
local function view() return call('GET', VIEW) or '' end

-- commit makes a view of the members, and a new epoch if it differs from last. They are
-- compared as sets: how Lua sorts depends on the locale of the server.
local function commit(g, last)
	local known, missing, new, lines = {}, 0, false, {}
	for line in last:gmatch('[^\n]+') do
		known[line] = true
		missing = missing + 1
	end
	all(function(id, m)
		if m.pending == 0 then
			local line = concat({id, m.weight, m.address}, '\t')
			lines[#lines + 1] = line
			if known[line] then missing = missing - 1 else new = true end
		end
	end)
	if new or missing > 0 then
		g.epoch = g.epoch + 1
		call('SET', VIEW, concat(lines, '\n'))
	end
end
