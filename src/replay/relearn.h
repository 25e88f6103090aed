/* After a crash: what was stored since the instruments' state was last written is shown to them again, so
 * that they know what they would know without the crash. */
#ifndef REPLAY_RELEARN_H
#define REPLAY_RELEARN_H

#include "desk/desk.h"
#include "store/store.h"

/* Before the engine starts. What retention has removed meanwhile is not there to learn from. */
bool relearn(struct store *store, struct desk *desk, struct error *err) MUST_CHECK;

#endif
