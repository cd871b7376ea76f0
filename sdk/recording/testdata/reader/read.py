"""Prints the events of a recording, one JSON object a line. Written from FORMAT.md alone, with the standard library:
it shows that the document is enough, and holds the Go reader to it.

    python3 read.py FOLDER
"""
import json
import pathlib
import struct
import sys

HEADER, CHUNK, CHUNK_HEADER = 4096, 16384, 24
SPAN, INSTANT, COUNT, COUNT_FLOAT, FLOW_OUT, FLOW_IN, END_ARGS, REQUEST, TRACK, NAME, PAIR, WORK, FACT = range(1, 14)
FIXED = {SPAN: 32, INSTANT: 16, COUNT: 24, COUNT_FLOAT: 24, FLOW_OUT: 24, FLOW_IN: 24, END_ARGS: 16, REQUEST: 16,
         TRACK: 32, NAME: 16, PAIR: 40, WORK: 56, FACT: 16}
KINDS = {SPAN: "span", INSTANT: "instant", COUNT: "counter", COUNT_FLOAT: "counter", FLOW_OUT: "flow out", FLOW_IN: "flow in"}
CORE, OWN_CLOCK = 1, 4


def u32(b, at):
    return struct.unpack_from("<I", b, at)[0]


def i32(b, at):
    return struct.unpack_from("<i", b, at)[0]


def u64(b, at):
    return struct.unpack_from("<Q", b, at)[0]


def i64(b, at):
    return struct.unpack_from("<q", b, at)[0]


def text(b):
    return b.decode("utf-8", "replace")


class Segment:
    def __init__(self, path):
        self.b = b = path.read_bytes()
        if len(b) < HEADER or b[:8] != b"STBSEG1\0":
            raise ValueError(f"{path} is no segment")
        if (u32(b, 8), u32(b, 12), u32(b, 16)) != (1, HEADER, CHUNK):
            raise ValueError(f"{path} has another version")
        self.kind, self.pid, self.stage, self.rank = u32(b, 24), u64(b, 32), i32(b, 40), i32(b, 44)
        self.clock, self.rate = u64(b, 48), u64(b, 56)
        self.recording, self.sequence, self.process_id = u64(b, 72), u64(b, 80), u64(b, 88)
        self.boot_id, self.name, self.stage_name = (
            text(b[at:at + room].split(b"\0")[0]) for at, room in ((256, 64), (576, 256), (1088, 256)))
        self.key = (self.boot_id, self.pid, self.process_id, self.recording, self.kind, self.stage, self.rank, self.name,
                    self.stage_name)

    def chunks(self):
        """The track and the bytes of each chunk that was begun."""
        held = (len(self.b) - HEADER + CHUNK - 1) // CHUNK
        for i in range(min(u64(self.b, 128), held)):
            c = self.b[HEADER + i * CHUNK:][:CHUNK]
            c += bytes(CHUNK - len(c))
            if c[:4] == b"CHNK":
                yield u32(c, 4), c

    @staticmethod
    def records(chunk):
        """Kind, mark, depth, name and bytes of each record."""
        at = CHUNK_HEADER
        while at + 8 <= CHUNK:
            head = u64(chunk, at)
            if head == 0:
                return
            size, kind = (head >> 16 & 0xFFFF) * 8, head & 0x7F
            if kind == 0 or size < max(8, FIXED.get(kind, 8)) or at + size > CHUNK:
                return  # the rest of the chunk is unreadable
            yield kind, bool(head & 0x80), head >> 8 & 0xFF, head >> 32, chunk[at:at + size]
            at += size


class Clock:
    def __init__(self, rate):
        self.rate, self.pairs = rate or 10**9, []

    def add(self, ticks, mono, wall):
        if self.pairs and (ticks <= self.pairs[-1][0] or mono < self.pairs[-1][1]):
            return
        self.pairs.append((ticks, mono, wall))

    def unix(self, t):
        if not self.pairs:
            return 0
        first = self.pairs[0]
        if len(self.pairs) == 1:
            return first[2] + self.part(t - first[0], 10**9, self.rate)
        i = 0
        while i < len(self.pairs) - 2 and self.pairs[i + 1][0] <= t:
            i += 1
        a, b = self.pairs[i], self.pairs[i + 1]
        return first[2] + a[1] - first[1] + self.part(t - a[0], b[1] - a[1], b[0] - a[0])

    @staticmethod
    def part(x, num, den):
        """x * num / den, rounded to the nearest, halves away from zero."""
        n = (2 * abs(x) * num + den) // (2 * den)
        return n if x >= 0 else -n


class Track:
    def __init__(self, number):
        self.name, self.group, self.defined = f"track {number}", "", False
        self.stack, self.last, self.request, self.point = [], 0, "", None
        self.place, self.thread = None, 0


class Process:
    def __init__(self, segments):
        self.segments = sorted(segments, key=lambda s: s.sequence)
        self.first = self.segments[0]
        self.names, self.tracks, self.events, self.latest = {0: ("", 0)}, {}, [], 0
        self.facts = {}
        self.clock = Clock(self.first.rate)
        for segment in self.segments:
            for track, chunk in segment.chunks():
                if track == 0:
                    self.meta(segment, chunk)
        self.own_last = self.clock.pairs[-1][0] if self.clock.pairs else 0

    def meta(self, segment, chunk):
        for kind, _, depth, name, r in segment.records(chunk):
            if kind == NAME and 0 < name <= 65535 and u64(r, 8) <= min(4096, len(r) - 16):
                self.names.setdefault(name, (text(r[16:16 + u64(r, 8)]), depth))
            elif kind == PAIR:
                self.clock.add(u64(r, 8), i64(r, 16), i64(r, 24))
            elif kind == FACT:
                self.facts[name, u64(r, 8)] = r[16:]

    def name(self, number):
        return self.names.get(number, (f"name#{number}", 0))

    def arguments(self, b):
        out = []
        while len(b) >= 16:
            kind, key, raw = b[0], self.name(u32(b, 4))[0], u64(b, 8)
            b = b[16:]
            if kind == 1:
                value = i64(struct.pack("<Q", raw), 0)
            elif kind == 2:
                value = raw  # its bits: JSON has no NaN
            elif kind == 3:
                value = raw & 1
            elif kind in (4, 6):
                value = self.name(raw & 0xFFFFFFFF)[0]
                if kind == 6 and not is_shapes(value):
                    kind = 4
            elif kind == 5 and raw <= len(b):
                value, b = text(b[:raw]), b[(raw + 7) // 8 * 8:]
            else:
                break
            out.append([key, kind, value])
        return out

    def read(self):
        for segment in self.segments:
            for number, chunk in segment.chunks():
                if number == 0:
                    continue
                track = self.tracks.setdefault(number, Track(number))
                track.request = ""
                for record in segment.records(chunk):
                    self.record(track, *record)
        last = max([self.latest, self.own_last] + [max(s["b"], s["e"]) for t in self.tracks.values() for s in t.stack])
        for track in self.tracks.values():
            while track.stack:
                self.close(track, last)

    def record(self, track, kind, again, depth, name, r):
        if kind == TRACK:
            n, g = u32(r, 8), u32(r, 12)
            if not track.defined and n + g <= len(r) - 32:
                track.name, track.group, track.defined = text(r[32:32 + n]), text(r[32 + n:32 + n + g]), True
                if u32(r, 28) & 1:
                    track.place = [i32(r, 16), u32(r, 20), u32(r, 24)]
                elif u32(r, 28) & 2:
                    track.thread = u32(r, 24)
        elif kind == REQUEST:
            if u64(r, 8) <= min(1024, len(r) - 16):
                track.request = text(r[16:16 + u64(r, 8)])
        elif kind == END_ARGS:
            for span in track.stack:
                if span["seq"] == u64(r, 8):
                    span["args"] += r[16:]
        elif kind == SPAN:
            self.span(track, again, depth, name, r)
        elif kind == WORK:
            self.work(track, name, r)
        elif kind in KINDS:
            mark = (kind, name, u64(r, 8))
            if again and track.point == mark:
                return
            track.point = mark
            self.pop(track, depth, u64(r, 8))
            self.latest = max(self.latest, u64(r, 8))
            e = self.event(track, kind, name, depth, u64(r, 8), track.request)
            if kind == INSTANT:
                e["args"] = self.arguments(r[16:])
            elif kind == COUNT:
                e["value"] = u64(struct.pack("<d", float(i64(r, 16))), 0)
            elif kind == COUNT_FLOAT:
                e["value"] = u64(r, 16)
            else:
                e["flow"] = u64(r, 16)
            self.events.append(e)

    def span(self, track, again, depth, name, r):
        begin, end, seq = u64(r, 8), u64(r, 16), u64(r, 24)
        if again:
            for span in track.stack:
                if span["seq"] == seq:
                    if span["e"] == 0:
                        span["e"], span["args"] = end, r[32:]
                    return
        if seq <= track.last:
            return
        self.pop(track, depth, begin)
        track.last = seq
        track.stack.append({"seq": seq, "b": begin, "e": end, "depth": depth, "name": name, "args": r[32:], "request": track.request})

    def work(self, track, name, r):
        begin, end, seq = u64(r, 8), u64(r, 16), u64(r, 24)
        if seq <= track.last or end < begin or not (track.place or track.thread):
            return
        track.last = seq
        self.latest = max(self.latest, end)
        e = self.event(track, SPAN, name, 0, begin, track.request)
        e.update(end=self.clock.unix(end), seq=seq, parent=0, work=u32(r, 52), correlation=u64(r, 32), args=self.arguments(r[56:]))
        if u64(r, 40):
            of = self.tracks.setdefault(u32(r, 48), Track(u32(r, 48)))
            e.update(external=u64(r, 40), external_track=of.name)
        self.events.append(e)

    def pop(self, track, depth, ticks):
        while track.stack and track.stack[-1]["depth"] >= depth:
            self.close(track, max(ticks, track.stack[-1]["b"]))

    def close(self, track, otherwise):
        s = track.stack.pop()
        is_open = s["e"] == 0
        end = otherwise if is_open else s["e"]
        if end < s["b"]:
            return
        self.latest = max(self.latest, s["b"], s["e"])
        e = self.event(track, SPAN, s["name"], s["depth"], s["b"], s["request"])
        e.update(end=self.clock.unix(end), seq=s["seq"], open=is_open, args=self.arguments(s["args"]))
        self.events.append(e)

    def event(self, track, kind, name, depth, ticks, request):
        parent = next((s["seq"] for s in reversed(track.stack) if s["depth"] < depth), 0)
        place = {"place": track.place} if track.place else {}
        return {**place, "thread": track.thread, "process": self.first.name, "pid": self.first.pid, "track": track.name,
                "group": track.group, "kind": KINDS[kind], "name": self.name(name)[0], "category": self.name(name)[1],
                "start": self.clock.unix(ticks), "depth": depth, "parent": parent, "request": request}


def is_shapes(value):
    try:
        v = json.loads(value)
    except ValueError:
        return False
    return isinstance(v, list) and all(isinstance(s, list) and all(type(n) is int for n in s) for s in v)


def main(folder):
    groups = {}
    for path in sorted(pathlib.Path(folder).glob("*.seg")):
        s = Segment(path)
        groups.setdefault(s.key, []).append(s)
    processes = [Process(g) for g in groups.values()]
    cores = [p for p in processes if p.first.kind == CORE and p.clock.pairs]
    for p in processes:
        for core in cores:
            a, b = p.first, core.first
            if a.kind != CORE and a.boot_id == b.boot_id != "" and a.clock == b.clock != OWN_CLOCK:
                p.clock = core.clock
                break
        p.read()
        for e in p.events:
            print(json.dumps(e))
        for (name, number), args in p.facts.items():
            print(json.dumps({"process": p.first.name, "pid": p.first.pid, "kind": "fact", "name": p.name(name)[0], "seq": number,
                              "args": p.arguments(args)}))


if __name__ == "__main__":
    main(sys.argv[1])
