#ifndef QUERY_TESTS_H
#define QUERY_TESTS_H
/* Each runs the tests of one file. @return how many failed */
int answer_tests(void);
int export_tests(void);
int resolve_tests(void);
int nomem_tests(void);
int story_tests(void);
int holes_tests(void);
int assets_tests(void);
int assets_random_tests(void);
int loss_after_tests(void);
int contain_tests(void);
int loss_gaps_tests(void);
int loss_asked_tests(void);
int loss_lives_tests(void);
int loss_straight_tests(void);
int loss_taken_tests(void);
int loss_through_tests(void);
int filter_tests(void);
int compare_tests(void);
int spec_tests(void);

#endif
