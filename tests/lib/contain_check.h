#ifndef BTR_TEST_CONTAIN_CHECK_H
#define BTR_TEST_CONTAIN_CHECK_H
/** What holds of every containment, whatever the history. */
#include "loss/contain.h"

/** @return NULL, or what is wrong with it */
const char *contain_check(const struct loss_containment *k);

#endif
