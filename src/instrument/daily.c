/* Days and episodes of the daily instruments (stage instrument). Used by skew.c and individuals.c. */
#include "instrument/daily.h"

int64_t daily_local_day(const struct zone *zone, int64_t time_ns)
{
    int64_t seconds = time_ns / NS_PER_SECOND;
    seconds += zone_offset_at_utc(zone != NULL ? zone : zone_utc(), seconds);
    return seconds >= 0 ? seconds / 86400 : (seconds - 86399) / 86400;
}

int64_t daily_day_of(const struct zone *zone, const struct event *e)
{
    int64_t day = daily_local_day(zone, e->time_ns < e->received_ns ? e->time_ns : e->received_ns);
    return day > 0 ? day : 0;
}

bool daily_is_over(int64_t *day, const struct zone *zone, int64_t time_ns, int64_t *over)
{
    int64_t now = daily_local_day(zone, time_ns), before = *day;
    if (now <= before && before != 0)
        return false;
    *day = now;
    *over = before;
    return before != 0;
}

bool daily_is_noted(struct daily_memory *m, int64_t day, uint64_t hash)
{
    uint64_t *place = &m->hashes[hash % DAILY_MEMORY];
    if (m->day != day) {
        memset(m->hashes, 0, sizeof m->hashes);
        m->day = day;
    }
    if (*place == hash)
        return true;
    *place = hash;
    return false;
}

bool episode_begins(int64_t *last_ns, int64_t time_ns, int64_t gap_ns)
{
    int64_t since = time_ns - *last_ns;
    bool is_new = *last_ns == 0 || since >= gap_ns;
    if (*last_ns == 0 || since > 0)
        *last_ns = time_ns;
    return is_new;
}
