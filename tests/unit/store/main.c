#include "store_tests.h"

int main(void)
{
    return golden_tests() + round_trip_tests() + writer_tests() + records_tests() + ids_tests() +
           merge_tests() + days_tests() + thin_tests() + usual_tests() + snapshot_tests() +
           chain_tests() + once_tests() + order_tests() + ahead_tests() + reach_tests() +
           kept_tests() + damage_tests() + mend_tests() + probe_tests() + faults_tests();
}
