package com.android.internal.util;

import java.util.Collection;

/** Checks of arguments and states, which Android has in a library of its own. */
public final class Preconditions {
    private static void argument(boolean holds, String message) {
        if (!holds) {
            throw new IllegalArgumentException(message);
        }
    }

    private static <T> T present(T reference, String message) {
        if (reference == null) {
            throw new NullPointerException(message);
        }
        return reference;
    }

    public static void checkArgument(boolean expression) {
        argument(expression, null);
    }

    public static void checkArgument(boolean expression, Object message) {
        argument(expression, String.valueOf(message));
    }

    public static void checkArgument(boolean expression, String template, Object... values) {
        if (!expression) {
            throw new IllegalArgumentException(String.format(template, values));
        }
    }

    public static <T extends CharSequence> T checkStringNotEmpty(T string) {
        return checkStringNotEmpty(string, null);
    }

    public static <T extends CharSequence> T checkStringNotEmpty(T string, Object message) {
        argument(string != null && string.length() != 0, String.valueOf(message));
        return string;
    }

    public static <T extends CharSequence> T checkStringNotEmpty(T string, String template, Object... values) {
        checkArgument(string != null && string.length() != 0, template, values);
        return string;
    }

    public static <T> T checkNotNull(T reference) {
        return present(reference, null);
    }

    public static <T> T checkNotNull(T reference, Object message) {
        return present(reference, String.valueOf(message));
    }

    public static <T> T checkNotNull(T reference, String template, Object... values) {
        return reference != null ? reference : present(null, String.format(template, values));
    }

    public static void checkState(boolean expression) {
        checkState(expression, null);
    }

    public static void checkState(boolean expression, String message) {
        if (!expression) {
            throw new IllegalStateException(message);
        }
    }

    public static void checkState(boolean expression, String template, Object... values) {
        if (!expression) {
            throw new IllegalStateException(String.format(template, values));
        }
    }

    public static int checkFlagsArgument(int requested, int allowed) {
        argument((requested & allowed) == requested,
                String.format("Requested flags 0x%x, but only 0x%x are allowed", requested, allowed));
        return requested;
    }

    public static int checkArgumentNonnegative(int value) {
        return checkArgumentNonnegative(value, null);
    }

    public static int checkArgumentNonnegative(int value, String message) {
        argument(value >= 0, message);
        return value;
    }

    public static long checkArgumentNonnegative(long value) {
        return checkArgumentNonnegative(value, null);
    }

    public static long checkArgumentNonnegative(long value, String message) {
        argument(value >= 0, message);
        return value;
    }

    public static float checkArgumentNonNegative(float value, String message) {
        argument(value >= 0, message);
        return value;
    }

    public static int checkArgumentPositive(int value, String message) {
        argument(value > 0, message);
        return value;
    }

    public static float checkArgumentPositive(float value, String message) {
        argument(value > 0, message);
        return value;
    }

    public static float checkArgumentFinite(float value, String name) {
        argument(Float.isFinite(value), name + " must be finite");
        return value;
    }

    public static float checkArgumentInRange(float value, float lower, float upper, String name) {
        argument(value >= lower && value <= upper, outside(name, lower, upper));
        return value;
    }

    public static double checkArgumentInRange(double value, double lower, double upper, String name) {
        argument(value >= lower && value <= upper, outside(name, lower, upper));
        return value;
    }

    public static int checkArgumentInRange(int value, int lower, int upper, String name) {
        argument(value >= lower && value <= upper, outside(name, lower, upper));
        return value;
    }

    public static long checkArgumentInRange(long value, long lower, long upper, String name) {
        argument(value >= lower && value <= upper, outside(name, lower, upper));
        return value;
    }

    private static String outside(String name, Object lower, Object upper) {
        return name + " is out of range [" + lower + ", " + upper + "]";
    }

    public static <T> T[] checkArrayElementsNotNull(T[] value, String name) {
        for (T each : present(value, name + " must not be null")) {
            present(each, name + " must have no null");
        }
        return value;
    }

    public static <C extends Collection<T>, T> C checkCollectionElementsNotNull(C value, String name) {
        for (T each : present(value, name + " must not be null")) {
            present(each, name + " must have no null");
        }
        return value;
    }

    public static <T> Collection<T> checkCollectionNotEmpty(Collection<T> value, String name) {
        argument(!present(value, name + " must not be null").isEmpty(), name + " is empty");
        return value;
    }

    public static float[] checkArrayElementsInRange(float[] value, float lower, float upper, String name) {
        for (float each : present(value, name + " must not be null")) {
            checkArgumentInRange(each, lower, upper, name);
        }
        return value;
    }

    public static int[] checkArrayElementsInRange(int[] value, int lower, int upper, String name) {
        for (int each : present(value, name + " must not be null")) {
            checkArgumentInRange(each, lower, upper, name);
        }
        return value;
    }
}
