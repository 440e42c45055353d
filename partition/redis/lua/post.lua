-- post keeps something, unless what is there is newer. ARGV: now, version, data, keep.
-- Versions are 20 digits, which compare as text: they may have more bits than a number.
local now, version = clock(), ARGV[2]
local old, expires = unpack(call('HMGET', ITEM, 'version', 'expires'))
if old and tonumber(expires) > now and old > version then return {OK} end
expires = num(now + tonumber(ARGV[4]))
call('HSET', ITEM, 'version', version, 'expires', expires, 'data', ARGV[3])
call('PEXPIREAT', ITEM, expires)
return {OK}
