/* What the posture keeps: numbers and fixed texts only, saved as it is. Inside the stage only. */
#ifndef JUDGE_POSTURE_STATE_H
#define JUDGE_POSTURE_STATE_H

#include "judge/posture.h"

enum { POSTURE_GROUPS_MAX = 64, POSTURE_SOURCES_MAX = 16 };

/* Hosts that were seen with the same value, for rules that count them. */
struct posture_group {
    uint64_t hash; /* of rule and value; 0 = free */
    int64_t used_ns;
    uint32_t count;
    uint64_t hosts[POSTURE_SOURCES_MAX];
    int64_t times_ns[POSTURE_SOURCES_MAX];
};

struct posture_state {
    int64_t watermark_ns, since_ns;
    uint64_t next_notice, forgotten; /* forgotten: keys and groups that made room */
    uint32_t key_count, notice_count;
    uint8_t told_level;
    struct posture_override override;
    struct posture_key keys[POSTURE_KEYS_MAX];
    struct posture_notice notices[POSTURE_NOTICES_MAX];
    struct posture_group groups[POSTURE_GROUPS_MAX];
};

struct posture {
    const struct posture_criteria *criteria;
    void (*changed)(void *context, const struct posture_view *view, int64_t time_ns);
    void *context;
    struct posture_state state;
};

void posture_copy_text(char *to, size_t room, struct str text); /* cut between characters, zeroes behind */
void posture_tell(struct posture *p, int64_t time_ns);

#endif
