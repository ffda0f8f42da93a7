#ifndef GRAPH_TESTS_H
#define GRAPH_TESTS_H
/* The test groups of the room; each returns the number of failures. */
int walk_tests(void);
int closure_tests(void);
int limits_tests(void);
int pair_tests(void);
int nomem_tests(void);
int stored_tests(void);
int thin_tests(void);
int between_tests(void);
#endif
