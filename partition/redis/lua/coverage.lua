-- coverage counts the entries of a cycle; nothing when it is not known.
local c = cycle()
if not c then return {0, 0, 0, 0, 0, 0, 0} end
return {c.expected, c.claimed, c.open, c.done, c.rescued, c.stolen, c.late}
