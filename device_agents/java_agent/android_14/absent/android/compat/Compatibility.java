package android.compat;

import java.util.Set;

/** Changes of behaviour are enabled for every application, as in AOSP's core library until a process has its list. */
public class Compatibility {
    /** Decides for a process which changes are enabled. */
    public interface BehaviorChangeDelegate {
        void onChangeReported(long change);

        boolean isChangeEnabled(long change);
    }

    /** The changes that are set for one application. */
    public static class ChangeConfig {
        private final Set<Long> enabled;
        private final Set<Long> disabled;

        public ChangeConfig(Set<Long> enabled, Set<Long> disabled) {
            this.enabled = enabled;
            this.disabled = disabled;
        }

        public Set<Long> getEnabledSet() {
            return enabled;
        }

        public Set<Long> getDisabledSet() {
            return disabled;
        }
    }

    public static boolean isChangeEnabled(long change) {
        return true;
    }
}
