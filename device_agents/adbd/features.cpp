// Stands in for supported_features() of transport.cpp, which the Makefile renames to all_features(): takes out of the
// banner what only a framework or Android's update tools can serve. adb then falls back to services that exist here,
// or to a command that explains why it fails; otherwise adb would see the stream closed without an error.

#include "transport.h"

const FeatureSet& all_features();

const FeatureSet& supported_features() {
    static const FeatureSet served = [] {
        FeatureSet features = all_features();
        for (const char* absent : {kFeatureAbb, kFeatureAbbExec, kFeatureApex, kFeatureCmd, kFeatureRemountShell}) {
            features.erase(absent);
        }
        return features;
    }();
    return served;
}
