# The same class after its constants were inlined: one has no value any more, the others are gone.
.class public abstract Landroid/app/IActivityManager$Stub;
.super Ljava/lang/Object;

.field private static final DESCRIPTOR:Ljava/lang/String; = "android.app.IActivityManager"
.field static final TRANSACTION_broadcastIntentWithFeature:I
