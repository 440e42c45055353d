package steps_test

import "testing"

func TestRules(t *testing.T) {
	for _, c := range []struct{ name, script string }{
		{"a join waits until nobody else has joined for a while", `
			0s  a joins -> epoch 0, waits
			3s  b joins -> epoch 0, waits
			6s  a beats -> epoch 0, waits
			8s  a beats -> epoch 1 of a,b
			8s  b beats -> epoch 1 of a,b
			8s  a beats -> epoch 1`},
		{"but not for ever", `
			0s  a joins -> epoch 0, waits
			4s  b joins -> epoch 0, waits
			8s  c joins -> epoch 0, waits
			12s d joins -> epoch 0, waits
			14s a beats -> epoch 0, waits
			16s e joins -> epoch 0, waits
			18s b beats -> epoch 0, waits
			20s f joins -> epoch 0, waits
			22s c beats -> epoch 0, waits
			24s g joins -> epoch 0, waits
			26s d beats -> epoch 0, waits
			28s h joins -> epoch 0, waits
			28s a beats -> epoch 0, waits
			29999ms e beats -> epoch 0, waits
			30s i joins -> epoch 1 of a,b,c,d,e,f,g,h,i`},
		{"who joins a group waits while the others go on", `
			0s  a joins -> epoch 0, waits
			5s  a beats -> epoch 1 of a
			6s  b joins -> epoch 1 of a, waits
			8s  a beats -> epoch 1
			11s b beats -> epoch 2 of a,b
			12s a beats -> epoch 2 of a,b`},
		{"death changes the view at once", `
			0s  a joins -> epoch 0, waits
			0s  b joins -> epoch 0, waits
			5s  a beats -> epoch 1 of a,b
			5s  b beats -> epoch 1 of a,b
			12s a beats -> epoch 1
			19s a beats -> epoch 1
			19999ms a beats -> epoch 1
			20s a beats -> epoch 2 of a`},
		{"departure changes the view at once", `
			0s  a joins -> epoch 0, waits
			0s  b joins -> epoch 0, waits
			5s  a beats -> epoch 1 of a,b
			6s  b leaves -> epoch 2
			6s  b leaves -> epoch 2
			6s  a beats -> epoch 2 of a
			7s  a leaves -> epoch 3
			8s  c looks -> 8s: epoch 3 of nobody, settings s, grace -`},
		{"who leaves while it waits changes nothing", `
			0s  a joins -> epoch 0, waits
			5s  a beats -> epoch 1 of a
			6s  b joins -> epoch 1 of a, waits
			7s  b leaves -> epoch 1
			11s a beats -> epoch 1`},
		{"who was swept is back with its next beat", `
			0s  a joins -> epoch 0, waits
			0s  b joins -> epoch 0, waits
			5s  a beats -> epoch 1 of a,b
			12s a beats -> epoch 1
			19s a beats -> epoch 2 of a
			26s b beats -> epoch 2 of a, waits
			26s a beats -> epoch 2
			31s b beats -> epoch 3 of a,b`},
		{"a restart under the same id keeps the place in the view", `
			0s  a joins -> epoch 0, waits
			5s  a beats -> epoch 1 of a
			6s  a' joins -> epoch 1 of a
			7s  a beats -> replaced
			7s  a leaves -> epoch 1
			8s  a' beats -> epoch 1
			9s  a' leaves -> epoch 2`},
		{"a new weight or address makes a new view", `
			0s  a joins -> epoch 0, waits
			5s  a beats -> epoch 1 of a
			6s  a beats weight=0 -> epoch 2 of a*0
			7s  a beats weight=0 address=@h -> epoch 3 of a*0@h
			8s  b joins weight=3 -> epoch 3 of a*0@h, waits
			9s  b beats weight=4 -> epoch 3, waits
			13s a beats weight=0 address=@h -> epoch 4 of a*0@h,b*4`},
		{"other settings are refused while anybody lives", `
			0s  a joins -> epoch 0, waits
			1s  b joins settings=x -> mismatch s
			14s a beats -> epoch 1 of a
			28s b joins settings=x -> mismatch s
			29s b joins settings=x -> mismatch s
			43s b joins settings=x -> mismatch s
			57s b joins settings=x -> mismatch s
			58s b joins settings=x -> epoch 2 of nobody, waits
			59s a beats -> mismatch x`},
		{"a stranger does not take a group over because the coordinator was away", `
			0s  a joins -> epoch 0, waits
			5s  a beats -> epoch 1 of a
			65s b joins settings=x -> mismatch s
			66s a beats -> epoch 1`},
		{"in a ledger that was lost one is believed to hold what has no trace", `
			0s  a joins -> epoch 0, waits
			0s  b joins -> epoch 0, waits
			5s  a beats -> epoch 1 of a,b
			5s  b beats -> epoch 1 of a,b
			5s  b hands-in 9 in 0 -> ok
			6s  a checks 1 in 0 -> none
			6s  a finishes 1 in 0 -> none
			6s  b finishes 1 in 0 -> 1
			6s  a counts 0 -> {Expected:0 Claimed:0 Open:0 Done:2 Rescued:0 Stolen:0 Late:0}`},
		{"a view of another era is told although the epoch is the same", `
			0s  a joins -> epoch 0, waits
			5s  a beats -> epoch 1 of a
			6s  c forgets -> ok
			6s  b joins -> epoch 0, waits
			11s b beats -> epoch 1 of b
			12s a beats -> epoch 1 of b, new era, waits`},
		{"a grace ends although heartbeats are far apart", `
			0s  a joins -> epoch 0, waits
			0s  b joins -> epoch 0, waits
			5s  a beats -> epoch 1 of a,b
			13s a beats -> epoch 1, grace
			21s a beats -> epoch 1, grace
			29s a beats -> epoch 1, grace
			37s a beats -> epoch 1, grace
			45s a beats -> epoch 2 of a`},
		{"no two processes have one incarnation", `
			0s  a joins -> epoch 0, waits
			0s  a leaves -> epoch 0
			0s  a' joins -> epoch 0, waits
			0s  a beats -> replaced`},
		{"what a thief did is not given to its owner before the thief is back", `
			0s  a joins -> epoch 0, waits
			0s  b joins -> epoch 0, waits
			5s  a beats -> epoch 1 of a,b
			5s  b beats -> epoch 1 of a,b
			5s  b begins 0 -> epoch 1 of a,b
			6s  b claims 1 in 0 -> 1
			6s  b finishes 1 in 0 -> none
			7s  c forgets -> ok
			7s  a restores -> epoch 2
			7s  a beats -> epoch 2 of a,b, new era, grace
			7s  a begins 0 -> epoch 2 of a,b
			7s  a claims 1,2 in 0 -> none
			8s  b beats -> epoch 2 of a,b, new era, grace
			8s  b hands-in 1 in 0 -> ok
			8s  b beats -> epoch 2, grace
			9s  a beats -> epoch 2
			9s  a claims 1,2 in 0 -> 2`},
		{"one member may change its settings, and what it has done counts no more", `
			0s  a joins -> epoch 0, waits
			5s  a beats -> epoch 1 of a
			5s  a begins 0 -> epoch 1 of a
			5s  a claims 1 in 0 -> 1
			5s  a finishes 1 in 0 -> none
			6s  a' joins settings=x -> epoch 1 of a
			6s  a' begins 0 -> epoch 1 of a
			6s  a' claims 1 in 0 -> 1`},

		{"the first to begin a cycle pins the view", `
			0s  a joins -> epoch 0, waits
			5s  a beats -> epoch 1 of a
			5s  a begins 0 expecting 7 -> epoch 1 of a
			6s  b joins -> epoch 1 of a, waits
			8s  a beats -> epoch 1
			11s b beats -> epoch 2 of a,b
			11s b begins 0 expecting 5 -> epoch 1 of a
			11s b counts 0 -> {Expected:7 Claimed:0 Open:0 Done:0 Rescued:0 Stolen:0 Late:0}
			12s a begins 0 expecting 9 -> epoch 1 of a
			12s a counts 0 -> {Expected:9 Claimed:0 Open:0 Done:0 Rescued:0 Stolen:0 Late:0}
			18s b beats -> epoch 2
			59s b begins 1 -> epoch 2 of a,b
			59s c looks -> 59s: epoch 2 of a,b, settings s, grace -; a beat 8s until 23s waits false; b beat 18s until 33s waits false; src in 1`},
		{"a cycle has its time", `
			0s  a joins -> epoch 0, waits
			5s  a beats -> epoch 1 of a
			58999ms a begins 1 -> too early
			59s a beats -> epoch 1
			59s a begins 1 -> epoch 1 of a
			59s a claims 1 in 1 -> 1
			58999ms a claims 1 in 1 -> too early
			59s a begins 0 -> epoch 1 of a
			179999ms a begins 0 -> epoch 1 of a
			180s a begins 0 -> over
			180s a beats -> epoch 1
			180s a claims 1 in 0 -> over
			180s a finishes 1 in 0 -> over
			180s a releases 1 in 0 -> over
			180s a checks 1 in 0 -> over
			180s a lists 1 in 0 -> over
			180s a hands-in 1 in 0 -> over
			180s a counts 0 -> {Expected:0 Claimed:0 Open:0 Done:0 Rescued:0 Stolen:0 Late:0}`},
		{"a partition has one holder", `
			0s  a joins -> epoch 0, waits
			0s  b joins -> epoch 0, waits
			5s  a beats -> epoch 1 of a,b
			5s  b beats -> epoch 1 of a,b
			5s  a begins 0 -> epoch 1 of a,b
			5s  b begins 0 -> epoch 1 of a,b
			5s  a claims 1,2,3 in 0 -> 1,2,3
			5s  a claims 3,4 in 0 -> 3,4
			5s  b claims 4,5,1 in 0 -> 5
			5s  b rescues 1,6 in 0 -> 6
			5s  b finishes 1,5 in 0 -> 1
			5s  b releases 2,5,6 in 0 -> 2,5
			5s  a finishes 1,9 in 0 -> 9
			5s  a finishes 1 in 0 -> none
			5s  a releases 1,2 in 0 -> 1
			5s  a releases 2 in 0 -> none
			5s  a finishes 2 in 0 -> 2
			5s  a checks 1,2,3,5 in 0 -> 2,5
			5s  a lists 1,2,3,5,6,7 in 0 -> 2,6,7
			5s  a claims 1,5 in 0 -> none
			5s  a counts 0 -> {Expected:0 Claimed:2 Open:2 Done:2 Rescued:0 Stolen:0 Late:0}`},
		{"what was handed back twice is not tried again", `
			0s  a joins -> epoch 0, waits
			5s  a beats -> epoch 1 of a
			5s  a begins 0 -> epoch 1 of a
			5s  a claims 1 in 0 -> 1
			5s  a releases 1 in 0 -> none
			5s  a releases 1 in 0 -> none
			5s  a claims 1 in 0 -> 1
			5s  a lists 1 in 0 -> none
			5s  a releases 1 in 0 -> none
			5s  a claims 1 in 0 -> none
			5s  a lists 1 in 0 -> none`},
		{"nothing is stolen before 85 % of the cycle", `
			0s  a joins -> epoch 0, waits
			0s  b joins -> epoch 0, waits
			5s  a beats -> epoch 1 of a,b
			5s  b beats -> epoch 1 of a,b
			5s  a begins 0 -> epoch 1 of a,b
			5s  b begins 0 -> epoch 1 of a,b
			45s a joins -> epoch 1 of a,b, grace
			45s b beats -> epoch 1
			45s a claims 1 in 0 -> 1
			50999ms b steals 1,2 in 0 -> none
			51s b steals 1,2 in 0 -> 2
			51s b finishes 2 in 0 -> none
			51s b counts 0 -> {Expected:0 Claimed:1 Open:0 Done:1 Rescued:0 Stolen:1 Late:0}`},
		{"what somebody without a lease holds is rescued, and it is told", `
			0s  a joins -> epoch 0, waits
			0s  b joins -> epoch 0, waits
			5s  a beats -> epoch 1 of a,b
			5s  b beats -> epoch 1 of a,b
			5s  a begins 0 -> epoch 1 of a,b
			5s  b begins 0 -> epoch 1 of a,b
			5s  b claims 1,2,3 in 0 -> 1,2,3
			12s a beats -> epoch 1
			19s a beats -> epoch 1
			19s a rescues 1 in 0 -> none
			20s a rescues 1 in 0 -> 1
			20s b finishes 1 in 0 -> no lease
			20s b checks 1 in 0 -> no lease
			20s b beats -> epoch 1
			20s b checks 1,2 in 0 -> 1
			20s a rescues 2 in 0 -> none
			20s b finishes 2 in 0 -> none
			61s a beats -> epoch 1, grace
			61s a finishes 1 in 0 -> none
			61s b counts 0 -> {Expected:0 Claimed:1 Open:0 Done:2 Rescued:1 Stolen:0 Late:1}`},
		{"what somebody held who has left or was replaced is free", `
			0s  a joins -> epoch 0, waits
			0s  b joins -> epoch 0, waits
			5s  a beats -> epoch 1 of a,b
			5s  b beats -> epoch 1 of a,b
			5s  a begins 0 -> epoch 1 of a,b
			5s  b begins 0 -> epoch 1 of a,b
			5s  a claims 3 in 0 -> 3
			5s  b claims 1 in 0 -> 1
			5s  a rescues 1 in 0 -> none
			6s  b leaves -> epoch 2
			6s  b claims 2 in 0 -> no lease
			6s  a rescues 1 in 0 -> 1
			7s  a' joins -> epoch 2 of a
			7s  a claims 1 in 0 -> no lease
			7s  a' begins 0 -> epoch 1 of a,b
			7s  a' claims 1,3 in 0 -> 1,3`},
		{"a request needs a ledger of its view", `
			0s  a joins -> epoch 0, waits
			0s  a begins 0 -> epoch 0 of nobody
			5s  a beats -> epoch 1 of a
			5s  a claims 1 in 0 -> 1
			5s  a begins 0 -> epoch 0 of nobody
			5s  a claims 1 in 1 -> too early
			59s a beats -> epoch 1
			59s a claims 1 in 1 -> no ledger
			60s b begins 1 -> wrong era
			60s b joins -> epoch 1 of a, waits
			60s b begins 1 -> epoch 1 of a
			60s a claims 1 in 1 -> wrong view
			60s a checks 1 in 1 -> wrong view`},

		{"when the coordinator was away nobody is swept, rescued or robbed", `
			0s  a joins -> epoch 0, waits
			0s  b joins -> epoch 0, waits
			5s  a beats -> epoch 1 of a,b
			5s  b beats -> epoch 1 of a,b
			5s  a begins 0 -> epoch 1 of a,b
			5s  b begins 0 -> epoch 1 of a,b
			5s  b claims 1 in 0 -> 1
			40s a beats -> epoch 1, grace
			40s c joins -> epoch 1 of a,b, waits, grace
			45s a beats -> epoch 2 of a,b,c, grace
			51s a beats -> epoch 2, grace
			52s a rescues 1,2 in 0 -> none
			52s a steals 1,2 in 0 -> none
			52s a claims 1 in 0 -> none
			52s a lists 1,2 in 0 -> none
			52s a claims 2 in 0 -> 2
			53s b hands-in 1 in 0 -> ok
			53s b beats -> epoch 2 of a,b,c
			53s a steals 3 in 0 -> 3`},
		{"and when somebody does not come back in two leases it is gone", `
			0s  a joins -> epoch 0, waits
			0s  b joins -> epoch 0, waits
			5s  a beats -> epoch 1 of a,b
			40s a beats -> epoch 1, grace
			47s a beats -> epoch 1, grace
			54s a beats -> epoch 1, grace
			61s a beats -> epoch 1, grace
			68s a beats -> epoch 1, grace
			69999ms a beats -> epoch 1, grace
			70s a beats -> epoch 2 of a`},
		{"a lone member needs no grace", `
			0s  a joins -> epoch 0, waits
			5s  a beats -> epoch 1 of a
			50s a beats -> epoch 1`},
		{"a member restores what the coordinator has lost", `
			0s  a joins -> epoch 0, waits
			0s  b joins -> epoch 0, waits
			5s  a beats -> epoch 1 of a,b
			5s  b beats -> epoch 1 of a,b
			5s  a begins 0 -> epoch 1 of a,b
			5s  b begins 0 -> epoch 1 of a,b
			5s  a claims 1,2,3 in 0 -> 1,2,3
			5s  b claims 4,5 in 0 -> 4,5
			5s  a finishes 1 in 0 -> none
			6s  c forgets -> ok
			7s  a claims 6 in 0 -> wrong era
			7s  a finishes 2 in 0 -> wrong era
			7s  a hands-in 2 in 0 -> wrong era
			7s  a beats -> amnesia
			7s  a restores -> epoch 2
			7s  b restores -> epoch 2
			7s  a beats -> epoch 2 of a,b, new era, grace
			7s  a hands-in 1 holding 2,3 in 0 -> ok
			8s  a begins 0 again -> epoch 1 of a,b
			8s  a beats -> epoch 2, grace
			8s  b begins 0 -> wrong era
			52s a beats -> epoch 2, grace
			52s a rescues 4 in 0 -> none
			52s b beats -> epoch 2 of a,b, new era, grace
			52s b rescues 1,2,6 in 0 -> none
			52s b hands-in 4 holding 5 in 0 -> ok
			53s b beats -> epoch 2
			53s b steals 1,2,6 in 0 -> none
			53s a claims 6,4,5 in 0 -> 6
			53s a finishes 2,3 in 0 -> none
			53s b checks 4,5 in 0 -> none
			53s b counts 0 -> {Expected:0 Claimed:2 Open:0 Done:4 Rescued:0 Stolen:0 Late:0}`},
		{"an older state is restored as well", `
			0s  a joins -> epoch 0, waits
			0s  b joins -> epoch 0, waits
			5s  a beats -> epoch 1 of a,b
			5s  b beats -> epoch 1 of a,b
			6s  b beats weight=2 -> epoch 2 of a,b*2
			7s  b beats weight=3 -> epoch 3 of a,b*3
			8s  c forgets -> ok
			8s  c joins -> epoch 0, waits
			9s  b restores -> epoch 4
			9s  b beats weight=3 -> epoch 4 of a,b*3, new era, grace
			10s b beats weight=3 -> epoch 4, grace
			13s c beats -> epoch 5 of a,b*3,c, new era, grace
			13s a beats -> epoch 5 of a,b*3,c, new era, grace
			13s c beats -> epoch 5, grace
			13s a beats -> epoch 5`},
		{"a stranger's settings do not survive a restore", `
			0s  a joins -> epoch 0, waits
			5s  a beats -> epoch 1 of a
			6s  c forgets -> ok
			6s  a restores -> epoch 2
			6s  b joins settings=x -> mismatch s
			7s  a beats -> epoch 2 of a, new era, grace
			8s  a beats -> epoch 2`},
		{"what is handed in counts unless somebody else has it", `
			0s  a joins -> epoch 0, waits
			0s  b joins -> epoch 0, waits
			5s  a beats -> epoch 1 of a,b
			5s  b beats -> epoch 1 of a,b
			5s  a begins 0 -> epoch 1 of a,b
			5s  b begins 0 -> epoch 1 of a,b
			5s  a claims 1,2,3,4 in 0 -> 1,2,3,4
			5s  a releases 2 in 0 -> none
			5s  a finishes 3 in 0 -> none
			5s  b claims 6 in 0 -> 6
			5s  b hands-in 1,2,3,5,6 holding 4,6,7 in 0 -> ok
			5s  a checks 1,2,3,4 in 0 -> 2
			5s  b checks 1,2,3,4,5,6,7 in 0 -> 1,3,4
			5s  a counts 0 -> {Expected:0 Claimed:3 Open:0 Done:4 Rescued:0 Stolen:0 Late:0}
			12s b beats -> epoch 1
			19s b beats -> epoch 1
			20s b hands-in 1 in 0 -> ok
			20s b checks 1 in 0 -> none`},
		{"a clock that goes back stops nobody", `
			0s  a joins -> epoch 0, waits
			5s  a beats -> epoch 1 of a
			-60s a beats -> epoch 1
			-60s b joins -> epoch 1 of a, waits
			-55s a beats -> epoch 2 of a,b
			-50s a' joins -> epoch 2 of a,b
			-49s a beats -> replaced`},
		{"joins do not wait until a clock that was set back is where it was", `
			0s    a joins -> epoch 0, waits
			1s    b joins -> epoch 0, waits
			-600s a beats -> epoch 0, waits, grace
			-598s b beats -> epoch 0, waits
			-595s a beats -> epoch 1 of a,b`},
		{"nor does a grace, which ends when everybody is back", `
			0s    a joins -> epoch 0, waits
			0s    b joins -> epoch 0, waits
			5s    a beats -> epoch 1 of a,b
			5s    b beats -> epoch 1 of a,b
			40s   a beats -> epoch 1, grace
			-600s a beats -> epoch 1, grace
			-599s a begins -10 -> epoch 1 of a,b
			-599s a claims 1 in -10 -> none
			-598s b beats -> epoch 1
			-597s a claims 1 in -10 -> 1`},
		{"nor does it end before", `
			0s    a joins -> epoch 0, waits
			0s    b joins -> epoch 0, waits
			5s    a beats -> epoch 1 of a,b
			5s    b beats -> epoch 1 of a,b
			6s    a begins 0 -> epoch 1 of a,b
			-3s   a beats -> epoch 1, grace
			-1s   a beats -> epoch 1, grace
			0s    a rescues 1 in 0 -> none`},
		{"nor do the dead have a lease until then", `
			0s    a joins -> epoch 0, waits
			0s    b joins -> epoch 0, waits
			5s    a beats -> epoch 1 of a,b
			5s    b beats -> epoch 1 of a,b
			-600s a beats -> epoch 1, grace
			-590s a beats -> epoch 1, grace
			-580s a beats -> epoch 1, grace
			-571s a beats -> epoch 1, grace
			-570s a beats -> epoch 2 of a`},
		{"a clock that is set back by little changes nothing", `
			0s    a joins -> epoch 0, waits
			0s    b joins -> epoch 0, waits
			5s    a beats -> epoch 1 of a,b
			5s    b beats -> epoch 1 of a,b
			-2s   a beats -> epoch 1`},
		{"the newest post stays until its time is over", `
			0s  a posts list 2 -> ok
			1s  b posts list 1 -> ok
			1s  b posts other 1 -> ok
			1s  c reads list -> 2 a true
			2s  b posts list 2 -> ok
			2s  c reads list -> 2 b true
			2s  c reads nothing -> 0  false
			11999ms c reads list -> 2 b true
			12s c reads list -> 2 b false
			12s a posts list 1 -> ok
			12s c reads list -> 1 a true`},
	} {
		t.Run(c.name, func(t *testing.T) { check(t, c.script) })
	}
}
