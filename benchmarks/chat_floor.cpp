// The event loop of the chat floor, written by hand for speed: what benchmarks/chat_floor.py measures the
// compiled engine against. It does what a night without disruptions asks for: shifts (chats are finished at
// their end), queues and skills, capacities, speeds, patience, silent leavers, one retry, closing times.
// Events wait in a wheel of time slots, agents and contacts in heaps that know their members' places, as in
// simlib/simulator/loop.py; messages are each an event, and wait in lists of neighbours.
//
//   g++ -O3 -o chat_floor chat_floor.cpp && ./chat_floor night.bin rows.bin ROUNDS
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <limits>
#include <vector>

namespace {

constexpr double INF = std::numeric_limits<double>::infinity();
constexpr double NONE = std::numeric_limits<double>::quiet_NaN();
enum Kind : int8_t { NOTHING, SENT, FREED, MESSAGE, PATIENCE, ENTER };
enum Stage : int8_t { QUEUED, INBOX, WRITING, THINKING, ENDED };
enum Outcome : int8_t { OPEN = -1, BOT, SERVED, ABANDONED, SILENT, UNSERVED };

struct Night {
    int64_t contacts, agents, queues, shifts, messages;
    double most_available, close_s, silent_close_s;
    std::vector<double> arrival, handle, think, patience, retry, speed, shift_start, shift_end;
    std::vector<int64_t> queue, turns, silent, capacity, skill, shift_agent;
};

struct Chat {
    double due, asked;
    int64_t turn, last_turn;
    int32_t before, after, last_mail, next_mail, agent, queue;
    Kind kind;
    Stage stage;
    Outcome outcome;
    bool begun;
    int8_t attempts;
    int32_t replies;
    double response_sum, response_max, deadline, entry, assigned, first_reply, end;
};

struct Seat {
    int64_t open, capacity, spare;
    double assigned, speed, began, since, busy_s, chat_s, overtime_s;
    int64_t replies;
    int32_t writing, head, tail, group;
    bool on_duty;
    bool available() const { return on_duty && open < capacity; }
};

struct Key {
    double first, second;
    int64_t item;
    bool operator<(const Key& other) const {
        return first < other.first ||
               (first == other.first &&
                (second < other.second || (second == other.second && item < other.item)));
    }
};

struct Heap {  // ordered by key; `at` says where each item sits
    std::vector<Key> keys;
    int32_t* at = nullptr;
    bool empty() const { return keys.empty(); }
    const Key& top() const { return keys[0]; }
    void place(size_t i, const Key& key) {
        keys[i] = key;
        at[key.item] = static_cast<int32_t>(i);
    }
    void settle(size_t i, const Key key) {
        const size_t size = keys.size();
        if (i > 0 && key < keys[(i - 1) / 2]) {
            while (i > 0 && key < keys[(i - 1) / 2]) {
                place(i, keys[(i - 1) / 2]);
                i = (i - 1) / 2;
            }
        } else {
            for (size_t down; (down = 2 * i + 1) < size; i = down) {
                if (down + 1 < size && keys[down + 1] < keys[down]) ++down;
                if (key < keys[down]) break;
                place(i, keys[down]);
            }
        }
        place(i, key);
    }
    void put(const Key& key) {
        keys.push_back(key);
        settle(keys.size() - 1, key);
    }
    void drop(int64_t item) {
        const size_t i = at[item];
        at[item] = -1;
        const Key last = keys.back();
        keys.pop_back();
        if (i < keys.size()) settle(i, last);
    }
};

struct Change {
    double time;
    int kind;  // 0 = shift end, 1 = shift start
    int64_t agent;
    bool operator<(const Change& other) const {
        return time < other.time ||
               (time == other.time && (kind < other.kind || (kind == other.kind && agent < other.agent)));
    }
};

class Floor {
  public:
    explicit Floor(const Night& night)
        : night(night), chats(night.contacts), seats(night.agents), free_at(night.agents, -1),
          wait_at(night.contacts, -1), near_at(night.contacts, -1) {
        int64_t turn = 0;
        for (int64_t c = 0; c < night.contacts; ++c) {
            Chat& chat = chats[c];
            chat = Chat{};
            chat.turn = turn;
            chat.last_turn = turn += night.turns[c];
            chat.agent = -1;
            chat.queue = static_cast<int32_t>(night.queue[c]);
            chat.outcome = OPEN;
            chat.entry = chat.assigned = chat.first_reply = chat.end = NONE;
        }
        std::vector<std::vector<bool>> sets;
        for (int64_t a = 0; a < night.agents; ++a) {
            Seat& seat = seats[a];
            seat = Seat{};
            seat.capacity = night.capacity[a];
            seat.spare = night.most_available != 0 ? seat.capacity : 0;
            seat.speed = night.speed[a];
            seat.assigned = -INF;
            seat.writing = seat.head = seat.tail = seat.group = -1;
            std::vector<bool> serves(night.queues);
            for (int64_t q = 0; q < night.queues; ++q) serves[q] = skill(a, q) > 0;
            const auto found = std::find(sets.begin(), sets.end(), serves);
            seat.group = static_cast<int32_t>(found - sets.begin());
            if (found == sets.end()) sets.push_back(serves);
        }
        free.resize(sets.size());
        for (Heap& heap : free) heap.at = free_at.data();
        groups.resize(night.queues);
        for (int64_t q = 0; q < night.queues; ++q)
            for (size_t g = 0; g < sets.size(); ++g)
                if (sets[g][q]) groups[q].push_back(g);
        waiting.resize(night.queues);
        for (Heap& heap : waiting) heap.at = wait_at.data();
        near.at = near_at.data();
        for (int64_t s = 0; s < night.shifts; ++s) {
            if (night.shift_start[s] == night.shift_end[s]) continue;
            changes.push_back({night.shift_end[s], 0, night.shift_agent[s]});
            changes.push_back({night.shift_start[s], 1, night.shift_agent[s]});
        }
        std::sort(changes.begin(), changes.end());
        const double events = 2.0 * night.messages + night.contacts;
        const double span = night.contacts ? night.arrival.back() - night.arrival.front() : 0;
        slots_a_s = span > 0 ? std::min(events / span / 2, 1e6) : 1;
        size_t slots = 16;
        while (slots < events && slots < (1u << 17)) slots *= 2;
        mask = static_cast<int64_t>(slots) - 1;
        wheel.assign(slots, -1);
    }

    void run() {
        size_t b = 0;
        int64_t e = 0;
        for (;;) {
            if (near.empty()) turn_wheel();
            const double due = near.empty() ? INF : near.top().first;
            const double change = b < changes.size() ? changes[b].time : INF;
            const double enter = e < night.contacts ? night.arrival[e] : INF;
            if (change <= due && change <= enter) {
                if (b == changes.size()) break;
                now = change;
                b = change_duty(b);
                continue;
            }
            if (due < enter || (due == enter && (near.top().second < ENTER || near.top().item < e))) {
                now = due;
                const int64_t c = near.top().item;
                near.drop(c);
                const Kind kind = chats[c].kind;
                chats[c].kind = NOTHING;
                if (kind == SENT) send(c);
                else if (kind == MESSAGE) message(c);
                else if (kind == FREED) close(c);
                else if (kind == PATIENCE) abandon(c);
                else enters(c);
            } else {
                now = enter;
                enters(e++);
            }
        }
        for (int64_t c = 0; c < night.contacts; ++c) {
            Chat& chat = chats[c];
            if (chat.outcome != OPEN) continue;
            const bool gone = night.silent[c] && night.patience[c] < INF && !chat.begun;
            chat.outcome = gone ? SILENT : UNSERVED;
            if (gone) chat.end = chat.deadline;
        }
    }

    const Night& night;
    std::vector<Chat> chats;
    std::vector<Seat> seats;

  private:
    int64_t skill(int64_t a, int64_t q) const { return night.skill[a * night.queues + q]; }
    int64_t slot_of(double time) const { return static_cast<int64_t>(std::min(time * slots_a_s, 4e18)); }

    void schedule(int64_t c, double time, Kind kind) {
        Chat& chat = chats[c];
        chat.due = time;
        chat.kind = kind;
        const int64_t at = slot_of(time);
        if (at <= slot) {
            near.put({time, static_cast<double>(kind), c});
            return;
        }
        int32_t& first = wheel[at & mask];
        chat.after = first;
        chat.before = -1;
        if (first >= 0) chats[first].before = static_cast<int32_t>(c);
        first = static_cast<int32_t>(c);
        ++far;
    }

    void unlink(int64_t c) {
        const Chat& chat = chats[c];
        if (chat.before >= 0) chats[chat.before].after = chat.after;
        else wheel[slot_of(chat.due) & mask] = chat.after;
        if (chat.after >= 0) chats[chat.after].before = chat.before;
        --far;
    }

    void cancel(int64_t c) {
        chats[c].kind = NOTHING;
        if (near_at[c] >= 0) near.drop(c);
        else unlink(c);
    }

    void turn_wheel() {
        int64_t turned = 0;
        while (near.empty() && far > 0) {
            if (turned > mask) {
                double earliest = INF;
                for (int32_t c : wheel)
                    for (; c >= 0; c = chats[c].after) earliest = std::min(earliest, chats[c].due);
                slot = slot_of(earliest) - 1;
                turned = 0;
            }
            ++slot;
            ++turned;
            for (int32_t c = wheel[slot & mask]; c >= 0;) {
                const int32_t after = chats[c].after;
                if (slot_of(chats[c].due) == slot) {
                    unlink(c);
                    near.put({chats[c].due, static_cast<double>(chats[c].kind), c});
                }
                c = after;
            }
        }
    }

    void tally(Seat& seat) const {
        if (seat.open > 0) {
            seat.chat_s += seat.open * (now - seat.since);
            if (!seat.on_duty) seat.overtime_s += now - seat.since;
        }
        seat.since = now;
    }

    void rank(int64_t a) {
        Seat& seat = seats[a];
        Heap& heap = free[seat.group];
        if (seat.available()) {
            const Key key{static_cast<double>(seat.open - seat.spare), seat.assigned, a};
            if (free_at[a] < 0) heap.put(key);
            else heap.settle(free_at[a], key);
        } else if (free_at[a] >= 0) {
            heap.drop(a);
        }
    }

    void into_inbox(Seat& seat, int64_t c) {
        Chat& chat = chats[c];
        chat.stage = INBOX;
        chat.next_mail = -1;
        chat.last_mail = seat.tail;
        (seat.tail >= 0 ? chats[seat.tail].next_mail : seat.head) = static_cast<int32_t>(c);
        seat.tail = static_cast<int32_t>(c);
    }

    void out_of_inbox(Seat& seat, int64_t c) {
        const Chat& chat = chats[c];
        (chat.last_mail >= 0 ? chats[chat.last_mail].next_mail : seat.head) = chat.next_mail;
        (chat.next_mail >= 0 ? chats[chat.next_mail].last_mail : seat.tail) = chat.last_mail;
    }

    void begin(int64_t a) {
        Seat& seat = seats[a];
        if (seat.writing >= 0 || seat.head < 0) return;
        const int32_t c = seat.head;
        Chat& chat = chats[c];
        out_of_inbox(seat, c);
        if (!chat.begun && (now <= chat.deadline || !night.silent[c])) {
            chat.begun = true;
            if (chat.kind == PATIENCE) cancel(c);
        }
        chat.stage = WRITING;
        seat.writing = c;
        seat.began = now;
        schedule(c, now + night.handle[chat.turn] / seat.speed, SENT);
    }

    void assign(int64_t c, int64_t a) {
        Chat& chat = chats[c];
        Seat& seat = seats[a];
        if (std::isnan(chat.assigned)) chat.assigned = now;
        chat.agent = static_cast<int32_t>(a);
        tally(seat);
        ++seat.open;
        seat.assigned = now;
        rank(a);
        into_inbox(seat, c);
    }

    bool take_one(int64_t a) {
        if (in_queue == 0 || !seats[a].available()) return false;
        int64_t best = -1;
        for (int64_t q = 0; q < night.queues; ++q) {
            if (skill(a, q) == 0 || waiting[q].empty()) continue;
            if (best < 0 || skill(a, q) < skill(a, best) ||
                (skill(a, q) == skill(a, best) && waiting[q].top() < waiting[best].top()))
                best = q;
        }
        if (best < 0) return false;
        const int64_t c = waiting[best].top().item;
        waiting[best].drop(c);
        --in_queue;
        assign(c, a);
        return true;
    }

    void free_place(int64_t a) {
        tally(seats[a]);
        --seats[a].open;
        rank(a);
    }

    void go_on(int64_t a) {
        while (take_one(a)) {}
        begin(a);
    }

    void close(int64_t c) {
        free_place(chats[c].agent);
        go_on(chats[c].agent);
    }

    void enters(int64_t c) {
        Chat& chat = chats[c];
        chat.outcome = OPEN;
        ++chat.attempts;
        chat.agent = -1;
        chat.entry = chat.asked = now;
        chat.assigned = chat.end = NONE;
        chat.deadline = now + night.patience[c];
        const Key* best = nullptr;
        for (const size_t g : groups[chat.queue])
            if (!free[g].empty() && (!best || free[g].top() < *best)) best = &free[g].top();
        if (best) {
            const int64_t a = best->item;
            assign(c, a);
            begin(a);
        } else {
            chat.stage = QUEUED;
            waiting[chat.queue].put({chat.entry, 0, c});
            ++in_queue;
        }
        if (!chat.begun && !night.silent[c] && chat.deadline < INF) schedule(c, chat.deadline, PATIENCE);
    }

    void abandon(int64_t c) {
        Chat& chat = chats[c];
        const int64_t a = chat.stage == QUEUED ? -1 : chat.agent;
        if (a < 0) {
            waiting[chat.queue].drop(c);
            --in_queue;
        } else {
            out_of_inbox(seats[a], c);
            free_place(a);
        }
        chat.stage = ENDED;
        chat.outcome = ABANDONED;
        chat.end = now;
        if (chat.attempts == 1 && !std::isnan(night.retry[c])) schedule(c, now + night.retry[c], ENTER);
        if (a >= 0) go_on(a);
    }

    void message(int64_t c) {
        Chat& chat = chats[c];
        chat.asked = now;
        into_inbox(seats[chat.agent], c);
        begin(chat.agent);
    }

    void send(int64_t c) {
        Chat& chat = chats[c];
        const int64_t a = chat.agent;
        Seat& seat = seats[a];
        seat.writing = -1;
        seat.busy_s += now - seat.began;
        double hold_s = night.silent_close_s;
        if (chat.begun) {
            const double response_s = now - chat.asked;
            chat.response_sum += response_s;
            chat.response_max = std::max(chat.response_max, response_s);
            if (chat.replies == 0) chat.first_reply = now;
            ++chat.replies;
            ++seat.replies;
            if (++chat.turn < chat.last_turn) {
                chat.stage = THINKING;
                schedule(c, now + night.think[chat.turn - 1], MESSAGE);
                go_on(a);
                return;
            }
            chat.outcome = SERVED;
            chat.end = now;
            hold_s = night.close_s;
        } else {
            chat.outcome = SILENT;
            chat.end = chat.deadline;
        }
        chat.stage = ENDED;
        if (hold_s > 0) schedule(c, now + hold_s, FREED);
        else free_place(a);
        go_on(a);
    }

    size_t change_duty(size_t b) {
        std::vector<int64_t> concerned;
        for (; b < changes.size() && changes[b].time == now; ++b) {
            const int64_t a = changes[b].agent;
            tally(seats[a]);
            seats[a].on_duty = changes[b].kind == 1;
            rank(a);
            concerned.push_back(a);
        }
        std::sort(concerned.begin(), concerned.end());
        concerned.erase(std::unique(concerned.begin(), concerned.end()), concerned.end());
        for (bool taken = true; taken;) {
            taken = false;
            for (const int64_t a : concerned)
                if (take_one(a)) {
                    begin(a);
                    taken = true;
                }
        }
        return b;
    }

    double now = 0, slots_a_s = 1;
    int64_t slot = -1, mask = 0, far = 0, in_queue = 0;
    std::vector<int32_t> free_at, wait_at, near_at, wheel;
    std::vector<Heap> free, waiting;
    Heap near;
    std::vector<std::vector<size_t>> groups;
    std::vector<Change> changes;
};

template <typename T>
std::vector<T> read(std::FILE* file, int64_t n) {
    std::vector<T> values(n);
    if (std::fread(values.data(), sizeof(T), n, file) != static_cast<size_t>(n)) std::exit(2);
    return values;
}

Night read_night(const char* path) {
    std::FILE* file = std::fopen(path, "rb");
    if (!file) std::exit(2);
    Night night;
    const auto sizes = read<int64_t>(file, 5);
    night.contacts = sizes[0], night.agents = sizes[1], night.queues = sizes[2];
    night.shifts = sizes[3], night.messages = sizes[4];
    const auto policy = read<double>(file, 3);
    night.most_available = policy[0], night.close_s = policy[1], night.silent_close_s = policy[2];
    night.arrival = read<double>(file, night.contacts);
    night.queue = read<int64_t>(file, night.contacts);
    night.turns = read<int64_t>(file, night.contacts);
    night.patience = read<double>(file, night.contacts);
    night.silent = read<int64_t>(file, night.contacts);
    night.retry = read<double>(file, night.contacts);
    night.handle = read<double>(file, night.messages);
    night.think = read<double>(file, night.messages);
    night.capacity = read<int64_t>(file, night.agents);
    night.speed = read<double>(file, night.agents);
    night.skill = read<int64_t>(file, night.agents * night.queues);
    night.shift_agent = read<int64_t>(file, night.shifts);
    night.shift_start = read<double>(file, night.shifts);
    night.shift_end = read<double>(file, night.shifts);
    std::fclose(file);
    return night;
}

double processor_s() {
    timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return time.tv_sec + 1e-9 * time.tv_nsec;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) return 2;
    const Night night = read_night(argv[1]);
    for (int round = std::atoi(argv[3]); round > 0; --round) {
        Floor floor(night);
        const double start = processor_s();
        floor.run();
        std::printf("%.9f\n", processor_s() - start);
        std::fflush(stdout);
        if (round > 1) continue;
        std::FILE* file = std::fopen(argv[2], "wb");
        if (!file) return 2;
        for (const Chat& chat : floor.chats) {
            const double row[] = {double(chat.outcome),  chat.entry,           chat.assigned,
                                  chat.first_reply,      chat.end,             double(chat.agent),
                                  double(chat.replies),  double(chat.attempts), chat.response_sum,
                                  chat.response_max};
            std::fwrite(row, sizeof row, 1, file);
        }
        for (const Seat& seat : floor.seats) {
            const double row[] = {seat.busy_s, seat.overtime_s, double(seat.replies), seat.chat_s};
            std::fwrite(row, sizeof row, 1, file);
        }
        std::fclose(file);
    }
}
