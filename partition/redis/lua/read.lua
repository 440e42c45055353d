-- read finds what is posted: its version and data, or nothing. ARGV: now.
local version, expires, data = unpack(call('HMGET', ITEM, 'version', 'expires', 'data'))
if not version or tonumber(expires) <= clock() then return {} end
return {version, data}
