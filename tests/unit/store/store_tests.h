#ifndef STORE_TESTS_H
#define STORE_TESTS_H
/** The groups of tests of the room; each returns how many failed. */
int ahead_tests(void);
int round_trip_tests(void);
int writer_tests(void);
int damage_tests(void);
int mend_tests(void);
int probe_tests(void);
int golden_tests(void);
int records_tests(void);
int ids_tests(void);
int merge_tests(void);
int snapshot_tests(void);
int chain_tests(void);
int once_tests(void);
int order_tests(void);
int reach_tests(void);
int faults_tests(void);
int kept_tests(void);
int days_tests(void);
int thin_tests(void);
int usual_tests(void);

#endif
