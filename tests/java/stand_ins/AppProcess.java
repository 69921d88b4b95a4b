import com.android.internal.os.BinderInternal;

/** As app_process (cmds/app_process/app_main.cpp, AppRuntime::onStarted): serve calls, then run the class named. */
public class AppProcess {
    public static void main(String[] words) throws Throwable {
        System.load(System.getProperty("harness.runtime"));
        Thread pool = new Thread(BinderInternal::joinThreadPool, "Binder pool");
        pool.setDaemon(true);
        pool.start();
        Class.forName(words[0]).getMethod("main", String[].class).invoke(null, (Object) new String[0]);
    }
}
