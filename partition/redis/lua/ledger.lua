-- What the steps on a cycle begin with, after the prelude. ARGV is
-- now, id, incarnation, era, source, number, interval, epoch, and what the step is about.
--
-- A ledger is one hash: fields with names, and one field for each partition that was
-- claimed, of one digit each for stage, reason and tries, then "<incarnation> <holder>".
local HELD, OPEN, DONE = 0, 1, 2
local OWN, RESCUE, STEAL = 0, 1, 2
local MOST_TRIES, EARLY, KEPT, STEAL_PERCENT = 2, 1000, 3, 85
local BATCH = 250 -- arguments that unpack may put on the stack at once

local now = clock()
local g = group()
local id, incarnation, era = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local source, number, interval, epoch = ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local start = number * interval
local expires = start + KEPT * interval
local grace = g.grace ~= 0 and now < g.grace
local me = num(incarnation) .. ' ' .. id

local HEADER = {'era', 'expires', 'epoch', 'reborn', 'graced', 'expected', 'claimed', 'open', 'done', 'rescued', 'stolen', 'late'}

-- cycle reads the header of the ledger; nil when there is none of this era.
local function cycle()
	local values = call('HMGET', ITEM, unpack(HEADER))
	if not values[1] then return nil end
	local c = {}
	for i, name in ipairs(HEADER) do c[name] = tonumber(values[i]) end
	if c.era ~= g.era or c.expires <= now then return nil end
	c.stages = {[HELD] = 'claimed', [OPEN] = 'open', [DONE] = 'done'}
	return c
end

-- count writes what settling and claiming have counted.
local function count(c)
	call('HSET', ITEM, 'claimed', c.claimed, 'open', c.open, 'done', c.done,
		'rescued', c.rescued, 'stolen', c.stolen, 'late', c.late)
end

-- begin makes a ledger on a view.
local function begin(view_epoch, view_text, reborn)
	local newest = call('HGET', SOURCES, source)
	local last_number, last_interval = (newest or ''):match('^(%-?%d+) (%d+)$')
	if not newest or tonumber(last_interval) ~= interval or tonumber(last_number) < number then
		newest = num(number) .. ' ' .. num(interval)
	end
	call('HSET', SOURCES, source, newest) -- also when it is the same: the first write, see the prelude
	call('DEL', ITEM)
	call('HSET', ITEM, 'era', num(g.era), 'expires', num(expires), 'epoch', num(view_epoch), 'view', view_text,
		'reborn', reborn, 'graced', grace and 1 or 0, 'expected', 0, 'claimed', 0, 'open', 0, 'done', 0, 'rescued', 0, 'stolen', 0, 'late', 0)
	call('PEXPIREAT', ITEM, num(expires))
	return cycle()
end

-- timely refuses cycles that cannot be worked on now.
local function timely()
	if late(now) then return LATE end
	if g.era == 0 or era ~= g.era then return WRONG_ERA end
	if now < start - EARLY then return TOO_EARLY end
	if now >= expires then return OVER end
	return OK
end

-- open finds the ledger and checks that the caller may use it.
local function open()
	local status = timely()
	if status ~= OK then return nil, status end
	local m = find(id)
	if not m or m.incarnation ~= incarnation or deadline(id) <= now then return nil, NO_LEASE end
	local c = cycle()
	if not c then return nil, NO_LEDGER end
	if c.epoch ~= epoch then return nil, WRONG_VIEW end
	return c, OK
end

local function stage(e) return e:byte(1) - 48 end
local function reason(e) return e:byte(2) - 48 end
local function tries(e) return e:byte(3) - 48 end
local function mine(e) return e:sub(4) == me end

-- of is the entry of a partition for one who says that it holds it. In a ledger that was
-- lost what has no trace is the caller's: nobody else is given it, and it has not handed in.
local function of(c, e)
	if not e and c.reborn ~= 0 then return HELD .. OWN .. 0 .. me end
	return e
end

-- entry writes one; without a holder it is the caller.
local function entry(stage, reason, tries, holder) return stage .. reason .. tries .. (holder or me) end

-- move counts that a partition goes from one stage, nil for none, to another.
local function move(c, from, to)
	if from then c[c.stages[from]] = c[c.stages[from]] - 1 end
	c[c.stages[to]] = c[c.stages[to]] + 1
end

-- lives reports whether the holder of an entry has a lease.
local alive = {}
local function lives(e)
	local holder = e:sub(4)
	if alive[holder] == nil then
		local born, name = holder:match('^(%d+) (.*)$')
		local m = find(name)
		alive[holder] = m ~= nil and
			(grace or m.incarnation == tonumber(born) and deadline(name) > now)
	end
	return alive[holder]
end

-- claimable reports whether somebody else than its holder may take a partition. e is nil
-- without a trace of it.
local function claimable(c, e, why)
	if grace and (why ~= OWN or c.graced ~= 0 and not e) then return false end
	if not e then return why == OWN or c.reborn == 0 end
	if stage(e) == OPEN then return tries(e) < MOST_TRIES end
	return stage(e) == HELD and not lives(e)
end

-- finish counts a partition that is done and returns its entry.
local function finish(c, from, why, attempts)
	move(c, from, DONE)
	if why == RESCUE then c.rescued = c.rescued + 1 end
	if why == STEAL then c.stolen = c.stolen + 1 end
	return entry(DONE, why, attempts)
end

-- each calls visit with the partitions in ARGV[first] to ARGV[last] and their entries, and
-- stores what it returns.
local function each(first, last, visit)
	for from = first, last, BATCH do
		local to = min(from + BATCH - 1, last)
		local texts, entries, changed = call('HMGET', ITEM, unpack(ARGV, from, to)), {}, {}
		for i = from, to do entries[ARGV[i]] = texts[i - from + 1] or nil end
		for i = from, to do -- a partition may be listed twice
			local p = ARGV[i]
			local new = visit(p, entries[p])
			if new then
				entries[p] = new
				changed[#changed + 1] = p
				changed[#changed + 1] = new
			end
		end
		if #changed > 0 then call('HSET', ITEM, unpack(changed)) end
	end
end
