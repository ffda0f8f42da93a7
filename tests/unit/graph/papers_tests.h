#ifndef PAPERS_TESTS_H
#define PAPERS_TESTS_H
/* The test groups of the published strategies; each returns the number of failures. */
int closure_graph_tests(void);
int papers_tests(void);
int impact_tests(void);
#endif
