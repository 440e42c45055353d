-- leave removes the caller, unless a newer process has its ID. ARGV: now, id, incarnation.
-- It gives memory back and is therefore not refused when memory is short.
local id, incarnation = ARGV[2], tonumber(ARGV[3])
local m = find(id)
if not m or m.incarnation > incarnation then return {OK} end
call('HDEL', MEMBERS, id)
call('ZREM', LEASES, id)
if m.pending == 0 then
	local g = group()
	commit(g, view())
	save(g)
end
return {OK}
