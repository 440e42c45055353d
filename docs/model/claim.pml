/*
 * Who may poll and publish a partition of a cycle: the claim protocol between workers and
 * their coordinator, for the model checker Spin. README.md says what is in it and what is
 * not; scripts/model.sh runs every variant.
 *
 * What differs between variants is chosen with -D.
 */

/* Sizes. */
#ifndef W
#define W 2 /* workers, 2 or 3 */
#endif
#ifndef P
#define P 1 /* partitions, 1 or 2 */
#endif
#ifndef C
#define C 2 /* cycles, 1 or 2 */
#endif

/* What goes wrong, and how often at most. */
#ifndef EXPIRIES
#define EXPIRIES 0 /* leases that run out while their worker lives: pauses, slowness, skew */
#endif
#ifndef KILLS
#define KILLS 0 /* workers that die, fewer than W */
#endif
#ifndef OUTAGES
#define OUTAGES 0 /* times that the coordinator goes away */
#endif
#ifndef AMNESIA
#define AMNESIA 0 /* 1: it comes back with an empty ledger */
#endif
#ifndef FAILS
#define FAILS 0 /* polls that fail */
#endif
#ifndef SPARE
#define SPARE 0 /* 1: no lease runs out and nobody dies between a check and its done */
#endif

/* The rules. Each can be broken, to see that it is needed. */
#ifndef CLAIM
#define CLAIM 1 /* 0: poll whatever is not done, claimed or not */
#endif
#ifndef FENCE
#define FENCE 0 /* 1: the sink asks the ledger in the same step that publishes */
#endif
#ifndef CHECK
#define CHECK 1 /* 0: publish without asking first whether the claim is still held */
#endif
#ifndef TRIES
#define TRIES 2 /* grants of one partition in a cycle after failed polls, in all */
#endif
#ifndef STEAL
#define STEAL 0 /* 1: late in a cycle take over what its owner lives but has not claimed */
#endif
#ifndef GRACE
#define GRACE 1 /* 0: rescue and steal at once after an outage */
#endif
#ifndef BACKFILL
#define BACKFILL 1 /* 0: keep the journal to oneself; 2: hand in what is done, not what is held */
#endif
#ifndef DOUBT
#define DOUBT 1 /* 0: hand in as held also what others may have taken before the outage */
#endif
#ifndef PAUSED
#define PAUSED 1 /* 0: between handing in and the beat go on taking and noting work without the ledger */
#endif
#ifndef FENCED
#define FENCED 1 /* 0: a worker without a lease goes on as well when the coordinator goes away */
#endif
#ifndef CLEAN
#define CLEAN 1 /* 0: without claims also in cycles in which the lease was over for a while */
#endif
#ifndef EARLY
#define EARLY 1 /* 0: without claims also late in a cycle, when others may have stolen */
#endif
#ifndef ONCE
#define ONCE 1 /* 0: without claims also what it has handed back and others may have taken */
#endif
#ifndef REBORN
#define REBORN 1 /* 0: in a ledger that was lost others take what has no trace, after the grace */
#endif
#ifndef STRICT
#define STRICT 1 /* 0: the grace lets owners claim in cycles that began in it */
#endif
#ifndef AGREED
#define AGREED 1 /* 0: in cycles begun without the ledger ask the last pin alone, not the newest view */
#endif

#define N (C*P) /* entries of the ledger; entry k*P+p is partition p of cycle k */

#define Free 0
#define Held 1
#define Open 2
#define Done 3

/* What the coordinator knows. Views are sets of workers, a bit each. */
byte stage[N], holder[N], tries[N];
byte view, pin[C]; /* 0: not pinned */
bool reborn[C];    /* the ledger of the cycle was lost, or began without the coordinator */
bool young[C];     /* it began in the grace */
bool late[C];      /* the time to steal has come */
bool lease[W];
bool up = true, grace;
bool waiting[W];   /* not heard since the coordinator went away */

/* What a worker knows. */
bool alive[W];
bool away[W];      /* goes on without claims */
bool filled[W];    /* has handed in its journal, and has not beaten yet */
byte missed[W];    /* the cycles in which its lease was over at or after the pin, a bit each */
byte given[W];     /* the cycles whose view the ledger has given it, a bit each */
byte seen[W];      /* the newest view when it lost the coordinator */
byte used[W*C];    /* the view by which it divided a cycle; 0: not begun */
byte mine[W];      /* the entry it works on, plus 1; 0: none */
bool lapsed[W];    /* the lease was over since that was granted */
bool window[W];    /* checked and not done */
byte journal[W];   /* the entries that it has done, a bit each */
byte returned[W];  /* those that it has handed back */

/* What a reader of the samples sees. */
byte pub[N];

byte expiries, kills, outages, fails;

#define HAS(set, i)   ((((set) >> (i)) & 1) == 1)
#define WITH(set, i)  ((set) | (1 << (i)))
#define LESS(set, i)  ((set) & ~(1 << (i)))
#define OWNER(v, p)   (HAS(v, (p)%W) -> (p)%W : (HAS(v, ((p)+1)%W) -> ((p)+1)%W : ((p)+2)%W))
#define OWNS(w, v, p) ((v) != 0 && OWNER(v, p) == (w))

#define LINKED(w)     (up && alive[w] && lease[w])
#define LIVES(w)      (grace || lease[w])
#define HOLDS(w, i)   (stage[i] == Held && holder[i] == (w))
#define SPENT(i)      (stage[i] == Done || stage[i] == Open && tries[i] >= TRIES)
#define OVER(k)       (SPENT((k)*P) && SPENT((k)*P+P-1))

/*
 * What the ledger grants: what the worker holds already, what a worker without a lease
 * holds, what was handed back; and what has no trace to its owner, or to anybody once the
 * owner has no lease or it is late.
 */
#define GIVES(w, k, p, i) ( \
	CLAIM == 0 && stage[i] != Done || \
	HOLDS(w, i) || \
	stage[i] == Held && !LIVES(holder[i]) || \
	stage[i] == Open && tries[i] < TRIES && (!grace || OWNS(w, pin[k], p)) || \
	stage[i] == Free && OWNS(w, pin[k], p) && !(STRICT && grace && young[k]) || \
	stage[i] == Free && !OWNS(w, pin[k], p) && !grace && !(REBORN && reborn[k]) && \
		(!lease[OWNER(pin[k], p)] || STEAL && late[k]))
#define CANCLAIM(w, k, p) (LINKED(w) && used[w*C+k] != 0 && used[w*C+k] == pin[k] && \
	!HAS(journal[w], (k)*P+(p)) && GIVES(w, k, p, (k)*P+(p)))

/* What a worker grants itself while it does not hear from the coordinator: its own. */
#define AWAY(w, k)    (away[w] && alive[w] && !(CLEAN && HAS(missed[w], k)))
#define CANTAKE(w, k, p) (AWAY(w, k) && !(PAUSED && filled[w]) && !(EARLY && late[k]) && \
	!HAS(journal[w], (k)*P+(p)) && !(ONCE && HAS(returned[w], (k)*P+(p))) && OWNS(w, used[w*C+k], p) && \
	!(AGREED && !HAS(given[w], k) && !OWNS(w, seen[w], p)))

/* Pins the view of a cycle. */
#define MISSES(w, k) missed[w] = (lease[w] || away[w] -> missed[w] : WITH(missed[w], k))
inline fix(k, v) {
	pin[k] = v; young[k] = grace;
	MISSES(0, k); MISSES(1, k);
#if W > 2
	MISSES(2, k)
#endif
}

inline take(w, i) { mine[w] = (i)+1; lapsed[w] = false }
inline drop(w)    { mine[w] = 0; lapsed[w] = false; window[w] = false }
inline note(w, i) { journal[w] = WITH(journal[w], i); drop(w) }

proctype worker(byte me) {
	byte k = 0, i;
idle:
	do
	:: k == C -> goto stop

	/* Begin the cycle. The first one pins the view for all. */
	:: atomic { k < C && LINKED(me) && (used[me*C+k] == 0 || used[me*C+k] != pin[k]) ->
		if
		:: pin[k] == 0 && used[me*C+k] == 0 -> fix(k, view)
		:: pin[k] == 0 && used[me*C+k] != 0 -> fix(k, used[me*C+k]); reborn[k] = true
		:: else
		fi;
		used[me*C+k] = pin[k]; given[me] = WITH(given[me], k) }
	:: atomic { k > 0 && k < C && AWAY(me, k) && used[me*C+k] == 0 && used[me*C+k-1] != 0 ->
		used[me*C+k] = used[me*C+k-1] }

	/* Claim. */
	:: atomic { k < C && CANCLAIM(me, k, 0) ->
		i = k*P; stage[i] = Held; holder[i] = me; take(me, i); goto poll }
	:: atomic { k < C && CANTAKE(me, k, 0) -> i = k*P; take(me, i); goto poll }
#if P > 1
	:: atomic { k < C && CANCLAIM(me, k, 1) ->
		i = k*P+1; stage[i] = Held; holder[i] = me; take(me, i); goto poll }
	:: atomic { k < C && CANTAKE(me, k, 1) -> i = k*P+1; take(me, i); goto poll }
#endif

	/* Nothing is left of the cycle, for anybody or, without the coordinator, for me. */
	:: atomic { k < C && LINKED(me) && OVER(k) && (k == 0 || OVER(k-1)) -> k++; i = 0 }
	:: atomic { k+1 < C && AWAY(me, k) && used[me*C+k] != 0 &&
		(!OWNS(me, used[me*C+k], 0) || HAS(journal[me], k*P)) &&
		(!OWNS(me, used[me*C+k], P-1) || HAS(journal[me], k*P+P-1)) -> k++; i = 0 }
	:: atomic { k > 0 && LINKED(me) && !OVER(k-1) -> k-- } /* begun while away */
	od;

poll:
	if
	:: atomic { alive[me] -> skip }
	:: atomic { LINKED(me) && fails < FAILS -> /* the poll fails: hand it back */
		fails++;
		if
		:: HOLDS(me, i) -> stage[i] = Open; tries[i]++
		:: else
		fi;
		returned[me] = WITH(returned[me], i); drop(me); goto idle }
	:: atomic { alive[me] && away[me] && !(PAUSED && filled[me]) && fails < FAILS ->
		fails++; returned[me] = WITH(returned[me], i); drop(me); goto idle }
	fi;

#if CHECK && !FENCE
	if
	:: atomic { alive[me] && (lease[me] && up || away[me]) && !lapsed[me] -> window[me] = true }
	:: atomic { LINKED(me) && lapsed[me] ->
		if
		:: HOLDS(me, i) -> lapsed[me] = false; window[me] = true
		:: else -> drop(me); goto idle
		fi }
	fi;
#endif

publish:
#if FENCE
	if
	:: atomic { alive[me] && up && !away[me] -> /* at any later time, with or without a lease */
		if
		:: HOLDS(me, i) -> pub[i]++; stage[i] = Done; note(me, i)
		:: else -> drop(me)
		fi;
		goto idle }
	:: atomic { alive[me] && away[me] && !lapsed[me] -> pub[i]++; window[me] = true }
	fi;
#else
	atomic { alive[me] -> pub[i]++; window[me] = true };
#endif

	if
	:: atomic { LINKED(me) ->
		if
		:: HOLDS(me, i) -> stage[i] = Done; note(me, i)
		:: else -> drop(me) /* somebody else has it, and does it again */
		fi;
		goto idle }
	:: atomic { alive[me] && away[me] && !(PAUSED && filled[me]) -> note(me, i); goto idle }
	fi;
stop:
	skip
}

/* What a worker hands in when the coordinator is back. */
inline handin(w, j) {
	j = 0;
	do
	:: j < N ->
		if
		:: BACKFILL && pin[j/P] == 0 && used[(w)*C+j/P] != 0 ->
			fix(j/P, used[(w)*C+j/P]); reborn[j/P] = true
		:: else
		fi;
		if
		:: BACKFILL && HAS(journal[w], j) &&
			(stage[j] == Free || stage[j] == Open || HOLDS(w, j) || stage[j] == Held && !LIVES(holder[j])) ->
			stage[j] = Done; holder[j] = w
		:: BACKFILL == 1 && !HAS(journal[w], j) && mine[w] == j+1 && stage[j] == Free && !(DOUBT && lapsed[w]) ->
			stage[j] = Held; holder[j] = w
		:: else
		fi;
		j++
	:: else -> break
	od;
	j = 0
}

#if W > 2
#define ANY(set) (set[0] && alive[0] || set[1] && alive[1] || set[2] && alive[2])
#else
#define ANY(set) (set[0] && alive[0] || set[1] && alive[1])
#endif

/*
 * What happens to one member sooner or later: it hands in its journal; it beats, which
 * also ends the grace when it is the last; its lease runs out after its death; without a
 * lease it leaves the view.
 */
#define MEMBER(w) \
	:: atomic { up && alive[w] && waiting[w] && !filled[w] -> handin(w, j); filled[w] = true } \
	:: atomic { up && alive[w] && !lease[w] && (!waiting[w] || filled[w]) -> \
		lease[w] = true; view = WITH(view, w); \
		waiting[w] = false; filled[w] = false; away[w] = false; seen[w] = 0; \
		lapsed[w] = (mine[w] != 0); \
		grace = (grace && ANY(waiting)) } \
	:: atomic { up && !alive[w] && lease[w] -> lease[w] = false } \
	:: atomic { up && !grace && !lease[w] && HAS(view, w) && view != (1 << w) -> view = LESS(view, w) }

/* The members' heartbeats, the time to steal, and the end of an outage. */
proctype coordinator() {
	byte j = 0;
end:	do
	MEMBER(0)
	MEMBER(1)
#if W > 2
	MEMBER(2)
#endif
#if STEAL
	:: atomic { pin[0] != 0 && !late[0] -> late[0] = true }
#if C > 1
	:: atomic { late[0] && pin[1] != 0 && !late[1] -> late[1] = true }
#endif
#endif
	:: atomic { !up ->
		up = true; grace = (GRACE && ANY(waiting));
#if AMNESIA
		j = 0;
		do
		:: j < N -> stage[j] = Free; holder[j] = 0; tries[j] = 0; pin[j/P] = 0; reborn[j/P] = false; young[j/P] = false; j++
		:: else -> break
		od;
		j = 0;
#endif
	}
	od
}

#if C > 1
#define PINNED ((pin[0] != 0) | ((pin[1] != 0) << 1))
#else
#define PINNED (pin[0] != 0)
#endif
/* A lease runs out; a worker dies. */
#define MISHAP(w) \
	:: atomic { up && expiries < EXPIRIES && alive[w] && lease[w] && !(SPARE && window[w]) -> \
		expiries++; lease[w] = false; missed[w] = PINNED; lapsed[w] = (mine[w] != 0) } \
	:: atomic { kills < KILLS && alive[w] && !(SPARE && window[w]) -> \
		kills++; alive[w] = false; missed[w] = 0; given[w] = 0; away[w] = false; waiting[w] = false; filled[w] = false; \
		journal[w] = 0; returned[w] = 0; seen[w] = 0; drop(w); \
		grace = (grace && ANY(waiting)) }

/* The coordinator goes away for all at once. Who has a lease goes on without it. */
#define CUT(w) \
	away[w] = alive[w] && (lease[w] || !FENCED); waiting[w] = alive[w]; lease[w] = false; \
	seen[w] = (away[w] -> view : 0); \
	if :: !FENCED -> lapsed[w] = false; missed[w] = 0 :: else fi

/* What goes wrong. It may stop doing so at any time. */
proctype mishaps() {
	do
	MISHAP(0)
	MISHAP(1)
#if W > 2
	MISHAP(2)
#endif
	:: atomic { up && outages < OUTAGES && !grace ->
		outages++; up = false;
		CUT(0);
		CUT(1);
#if W > 2
		CUT(2);
#endif
	}
	:: break
	od
}

init {
	atomic {
		alive[0] = true; lease[0] = true;
		alive[1] = true; lease[1] = true;
#if W > 2
		alive[2] = true; lease[2] = true;
#endif
		view = (1 << W) - 1;
		run worker(0);
		run worker(1);
#if W > 2
		run worker(2);
#endif
		run coordinator();
#if EXPIRIES || KILLS || OUTAGES
		run mishaps()
#endif
	}
}

#if N == 1
#define ALL(rel) (pub[0] rel)
#elif N == 2
#define ALL(rel) (pub[0] rel && pub[1] rel)
#else
#define ALL(rel) (pub[0] rel && pub[1] rel && pub[2] rel && pub[3] rel)
#endif

#define SURE(w)    (alive[w] && mine[w] != 0 && (lease[w] || away[w]) && !lapsed[w])
#define CLASH(a,b) (SURE(a) && SURE(b) && mine[a] == mine[b])
#if W > 2
#define CLASHES (CLASH(0,1) || CLASH(0,2) || CLASH(1,2))
#else
#define CLASHES CLASH(0,1)
#endif

/* No partition of a cycle is published twice. */
ltl once { [] ALL(<= 1) }
/* Every mishap doubles a partition at most once more. */
ltl bounded { [] ALL(<= 1 + expiries + kills) }
/* No two workers are sure of the same partition of a cycle. */
ltl single { [] !CLASHES }
/* Every partition of every cycle is published sooner or later. */
ltl progress { <> ALL(>= 1) }
